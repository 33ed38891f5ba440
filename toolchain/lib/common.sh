# shellcheck shell=bash disable=SC2154,SC2034  # root comes from who sources this, for whom the variables are
# What every script of the toolchain shares: where things are, how an error looks, and small tools.

[[ -n ${HOME:-} ]] || HOME=$(unset HOME && echo ~) # as the system says; cron and the like may leave it out
export HOME
cache=${LAUNCHPAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/launchpad}
tools=$cache/toolchain
logs=$root/.launchpad/logs

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE... ends everything with one message: what is wrong, then what to do.
fail() {
  printf 'launchpad: %s\n' "$*" >&2
  exit 1
}

# version_at_least HAVE WANTED compares dotted numbers.
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# digest FILE... prints twelve characters that change with any of the files' contents.
digest() { cat -- "$@" | sha256sum | cut -c1-12; }

# users_own COMMAND prints where the user's PATH has it, apart from what this clone itself has put there.
users_own() { PATH=$(outside_path) type -P "$1"; }

outside_path() {
  local part kept=()
  while IFS= read -r -d : part; do
    [[ $part == "$root"/* ]] || kept+=("$part")
  done <<<"$PATH:"
  (IFS=:; printf '%s' "${kept[*]}")
}

# may_sudo is true when sudo works without a password, or after asking someone who is there for it.
may_sudo() { [[ -n $(type -P sudo) ]] && { sudo -n true 2>/dev/null || { [[ -t 0 ]] && sudo -v; }; }; }

# remove PATH... removes files and whole trees, also such as hold read-only directories (Go's module cache does), which rm
# gives up on for everybody but root. It follows no link. False where something is left: what is another user's.
remove() {
  local path
  for path in "$@"; do
    if [[ -d $path && ! -L $path ]]; then
      find "$path" -xdev -type d ! -perm -u=rwx -exec chmod u+rwx {} + 2>/dev/null || true
    fi
    rm -rf --one-file-system -- "$path" 2>/dev/null || [[ ! -e $path ]] || return 1
  done
}
