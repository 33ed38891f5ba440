# shellcheck shell=bash disable=SC2154,SC2164  # variables of toolchain/setup, which also sets -e
# What setup and launch share: where things are, how steps show that they live, how errors look.

[[ -n ${HOME:-} ]] || HOME=$(unset HOME && echo ~) # as the system says; cron and the like may leave it out
export HOME
cache=${LAUNCHPAD_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/launchpad}
tools=$cache/toolchain
logs=$root/.launchpad/logs
child=

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE... ends everything with one message: what is wrong, then what to do.
fail() {
  printf 'launchpad: %s\n' "$*" >&2
  exit 1
}

# check_cache ends with a message where the cache is no place for setup to write in.
check_cache() {
  local place=$tools
  [[ $cache == /* ]] || fail "the cache directory is '$cache' (LAUNCHPAD_CACHE or XDG_CACHE_HOME), which must be an absolute path"
  mkdir -p "$tools" 2>/dev/null || true
  [[ ! -d $tools || ! -w $tools ]] || return 0
  until [[ -e $place ]]; do place=$(dirname "$place"); done
  fail "the cache $tools cannot be written: $place belongs to $(stat -c %U "$place"), and you are $(id -un).
Have it given to you (chown -R), or name another directory in LAUNCHPAD_CACHE."
}

# now prints microseconds, without starting a process.
now() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# seconds_since MICROSECONDS prints "[  3.2s]".
seconds_since() {
  local tenths=$((($(now) - $1) / 100000))
  printf '[%3d.%ds]' $((tenths / 10)) $((tenths % 10))
}

# version_at_least HAVE WANTED compares dotted numbers.
version_at_least() { [[ $(printf '%s\n%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

# digest FILE... prints twelve characters that change with any of the files' contents.
digest() { cat -- "$@" | sha256sum | cut -c1-12; }

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

PAUSE=2500000 # microseconds: nobody is left without a sign of life for longer
outcome=0

# follow NAME WATCHER COMMAND... runs COMMAND with its output in a log, and leaves its exit status in `outcome`. Meanwhile it shows
# the seconds and what WATCHER says of the log: on a terminal as one living line, elsewhere as a line every few seconds.
follow() {
  local name=$1 watcher=$2 log=$logs/$1.log told
  shift 2
  started=$(now) told=$started
  mkdir -p "$logs"
  set -m # a process group of its own, so that Ctrl-C can end all of it
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  child=$!
  set +m
  while kill -0 "$child" 2>/dev/null; do
    if [[ -t 2 ]]; then
      printf '\r\033[K%s %s: %.90s' "$(seconds_since "$started")" "$name" "$("$watcher" "$log")" >&2
    elif (($(now) - told > PAUSE)); then
      told=$(now)
      say "$(seconds_since "$started") $name: $("$watcher" "$log")"
    fi
    if (($(now) - started < 2000000)); then sleep 0.1; else sleep 0.3; fi
  done
  wait "$child" && outcome=0 || outcome=$?
  child=
  [[ ! -t 2 ]] || printf '\r\033[K' >&2
}

# step NAME WATCHER COMMAND... follows COMMAND and says how it ended; a failing one ends setup with its last lines.
# Never call it in a condition: bash would then ignore errors inside COMMAND.
step() {
  follow "$@"
  if ((outcome)); then
    tail -n 25 "$logs/$1.log" >&2
    fail "$1 failed (the lines above are the end of $logs/$1.log)."
  fi
  say "$(seconds_since "$started") $1: $("$2" "$logs/$1.log")"
}

# last_line LOG is the plain watcher: the newest line, without colours.
last_line() { tail -n 1 "$1" 2>/dev/null | sed 's/\x1b\[[0-9;]*m//g'; }

end_child() {
  [[ -z $child ]] || kill -TERM -- "-$child" 2>/dev/null || true
}
trap 'end_child; say; fail "interrupted; run the same command again to go on."' INT TERM

# fresh_dir NAME prints a new empty directory that only `keep_dir` makes visible under its name: a killed build leaves nothing half-made.
fresh_dir() {
  mkdir -p "$tools"
  remove "$tools"/.new-"$1"-*
  mktemp -d "$tools/.new-$1-XXXXXX"
}

# keep_dir DIRECTORY NAME
keep_dir() {
  chmod 755 "$1"
  remove "${tools:?}/$2"
  mv -T "$1" "$tools/$2"
}

# only_one_at_a_time lets one setup per cache run; the lock ends with the process, however that ends.
only_one_at_a_time() {
  exec 9>"$tools/.lock"
  flock -n 9 && return
  exec 8>&9 # the same lock, by a number that the waiting child keeps
  follow waiting await_other flock 8
  exec 8>&-
}

# await_other LOG is the watcher of that.
await_other() { printf 'another setup is filling %s' "$tools"; }
