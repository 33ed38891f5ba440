# shellcheck shell=bash disable=SC2154  # variables of toolchain/setup, which also sets -e
# Downloads from Pulumi's own sites, and whether these are in reach.

RETRY_MINUTES=1440 # a site out of reach is asked again after a day, or by `make setup`

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
  follow looking asked_site timeout 10 "$python" -I "$root/toolchain/lib/download.py" --probe "$1"
  ((outcome == 0))
}

asked_site() { printf 'is %s in reach?' "$site"; }

# unpack_official_cli DIRECTORY downloads the bundle; a wrong checksum ends setup.
unpack_official_cli() {
  local work file
  work=$(fresh_dir pulumi)
  file=$(official_bundle)
  "$python" -I -u "$root/toolchain/lib/download.py" "$PULUMI_DOWNLOADS/$file" "$work/bundle.tar.gz" \
    --checksums "$PULUMI_DOWNLOADS/pulumi-$PULUMI_VERSION-checksums.txt"
  tar -xzf "$work/bundle.tar.gz" -C "$work" --strip-components=1
  rm "$work/bundle.tar.gz"
  "$work/pulumi" version >/dev/null
  keep_dir "$work" "$1"
  printf 'v%s, official, checksum verified\n' "$PULUMI_VERSION"
}

# install_official_plugin is false, and soon so, when the vendor's site is not in reach.
install_official_plugin() {
  local refused=$tools/plugin-command-$COMMAND_PLUGIN_VERSION-refused log=$logs/plugin-command.log
  [[ -z $(find "$refused" -mmin -$RETRY_MINUTES 2>/dev/null) ]] || return 1
  [[ -n ${python-} ]] || python=$(base_python)
  mkdir -p "$logs" "$tools"
  if in_reach "$COMMAND_PLUGIN_PROBE"; then
    say "plugin command: downloading the official v$COMMAND_PLUGIN_VERSION"
    PULUMI_SKIP_UPDATE_CHECK=true timeout 300 "$bin/pulumi" plugin install resource command "$COMMAND_PLUGIN_VERSION" \
      >"$log" 2>&1 </dev/null && [[ -x $official ]] && return
    say "plugin command: that failed ($log)"
  fi
  touch "$refused"
  return 1
}
