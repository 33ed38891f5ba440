# shellcheck shell=bash disable=SC2154,SC2164  # variables of toolchain/setup, which also sets -e
# The Pulumi CLI and its Python language host: the user's own, else the official download, else built from the Go module proxy.

# outside_path prints PATH without this clone's own directories: what the user has.
outside_path() {
  local part kept=()
  while IFS= read -r -d : part; do
    [[ $part == "$root"/* ]] || kept+=("$part")
  done <<<"$PATH:"
  (IFS=:; printf '%s' "${kept[*]}")
}

# users_own COMMAND prints where the user's PATH has it.
users_own() { PATH=$(outside_path) type -P "$1"; }

# ensure_cli links the CLI to .launchpad/bin/pulumi.
ensure_cli() {
  local own chosen official=pulumi-$PULUMI_VERSION-official built
  built=pulumi-$PULUMI_VERSION-built-$(digest "$root"/toolchain/cli/*)
  rm -f "$plugins"/pulumi-*python*
  if own=$(users_own pulumi) && new_enough_cli "$own"; then
    say "pulumi: yours, $own"
    link_tool "$own" "$bin/pulumi"
    # Without the vendor's bundle around it, it lacks the language host: ours goes on PATH then.
    [[ -x $(dirname "$(realpath "$own")")/pulumi-language-python ]] || users_own pulumi-language-python >/dev/null ||
      ensure_language_host "$plugins"
    return
  fi
  if [[ -x $tools/$official/pulumi ]]; then
    chosen=$official
  elif [[ -x $tools/$built/pulumi ]]; then
    chosen=$built
  elif official_in_reach; then
    chosen=$official
    step pulumi last_line unpack_official_cli "$official"
  else
    chosen=$built
    say "pulumi: the official download is not in reach; building v$PULUMI_VERSION from its Go module instead (minutes, once)"
    ensure_go
    step pulumi watch_go_build build_cli "$built"
  fi
  link_tool "$tools/$chosen/pulumi" "$bin/pulumi"
  # Beside the CLI, as in the official bundle, Pulumi takes it without a warning.
  [[ $chosen == "$official" ]] || ensure_language_host "$tools/$chosen"
}

link_tool() { ln -sfnT "$1" "$2"; }

new_enough_cli() {
  local version
  version=$("$1" version 2>/dev/null) && [[ $version == v3.* ]] && version_at_least "${version#v}" "$PULUMI_VERSION"
}

# official_bundle prints the vendor's file name for this machine; false where there is none.
official_bundle() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64) printf 'pulumi-v%s-linux-x64.tar.gz' "$PULUMI_VERSION" ;;
    Linux-aarch64) printf 'pulumi-v%s-linux-arm64.tar.gz' "$PULUMI_VERSION" ;;
    Darwin-x86_64) printf 'pulumi-v%s-darwin-x64.tar.gz' "$PULUMI_VERSION" ;;
    Darwin-arm64) printf 'pulumi-v%s-darwin-arm64.tar.gz' "$PULUMI_VERSION" ;;
    *) return 1 ;;
  esac
}

official_in_reach() {
  official_bundle >/dev/null && in_reach "$PULUMI_DOWNLOADS/pulumi-$PULUMI_VERSION-checksums.txt"
}

# in_reach URL answers within seconds, on a network that swallows packets too.
in_reach() {
  site=${1#*://} site=${site%%/*}
  follow looking asked_site timeout 10 "$python" -I "$root/toolchain/download.py" --probe "$1"
  ((outcome == 0))
}

asked_site() { printf 'is %s in reach?' "$site"; }

# unpack_official_cli DIRECTORY downloads the bundle; a wrong checksum ends setup.
unpack_official_cli() {
  local work file
  work=$(fresh_dir pulumi)
  file=$(official_bundle)
  "$python" -I -u "$root/toolchain/download.py" "$PULUMI_DOWNLOADS/$file" "$work/bundle.tar.gz" \
    --checksums "$PULUMI_DOWNLOADS/pulumi-$PULUMI_VERSION-checksums.txt"
  tar -xzf "$work/bundle.tar.gz" -C "$work" --strip-components=1
  rm "$work/bundle.tar.gz"
  "$work/pulumi" version >/dev/null
  keep_dir "$work" "$1"
  printf 'v%s, official, checksum verified\n' "$PULUMI_VERSION"
}

# ensure_language_host DIRECTORY links the Python language host and its two scripts into it.
ensure_language_host() {
  local name file
  name=language-$(digest "$root"/toolchain/language/* "$root"/toolchain/cli/go.mod)
  if [[ ! -x $tools/$name/pulumi-language-python ]]; then
    ensure_go
    step language-host watch_go_build build_language_host "$name"
  fi
  for file in pulumi-language-python pulumi-language-python-exec pulumi-resource-pulumi-python; do
    link_tool "$tools/$name/$file" "$1/$file"
  done
}
