# shellcheck shell=bash disable=SC2154  # variables of toolchain/setup, which also sets -e
# Pulumi's CLI and its plugin `command`: the user's own, else the official ones, else what toolchain/offline makes.

# from_offline FUNCTION... runs what only a network without the vendor needs.
from_offline() {
  if ! declare -F "$1" >/dev/null; then
    # shellcheck source=toolchain/offline/build.sh
    . "$root/toolchain/offline/build.sh"
    # shellcheck source=toolchain/offline/plugin.sh
    . "$root/toolchain/offline/plugin.sh"
  fi
  "$@"
}

# ensure_cli links the CLI to .launchpad/bin/pulumi.
ensure_cli() {
  local own official=pulumi-$PULUMI_VERSION-official
  rm -f "$plugins"/pulumi-*python*
  if own=$(users_own pulumi) && new_enough_cli "$own"; then
    say "pulumi: yours, $own"
    link_tool "$own" "$bin/pulumi"
    # Without the vendor's bundle around it, it lacks the language host: ours goes on PATH then.
    [[ -x $(dirname "$(realpath "$own")")/pulumi-language-python ]] || users_own pulumi-language-python >/dev/null ||
      from_offline ensure_language_host "$plugins"
  elif [[ -x $tools/$official/pulumi ]]; then
    link_tool "$tools/$official/pulumi" "$bin/pulumi"
  elif ! built_cli_is_here && official_in_reach; then
    step pulumi last_line unpack_official_cli "$official"
    link_tool "$tools/$official/pulumi" "$bin/pulumi"
  else
    from_offline ensure_built_cli
  fi
}

link_tool() { ln -sfnT "$1" "$2"; }

new_enough_cli() {
  local version
  version=$("$1" version 2>/dev/null) && [[ $version == v3.* ]] && version_at_least "${version#v}" "$PULUMI_VERSION"
}

built_cli_is_here() { compgen -G "$tools/pulumi-$PULUMI_VERSION-built-*/pulumi" >/dev/null; }

# say_choice TEXT says it, with --quiet only where it is another than at the last setup.
say_choice() {
  local said=$root/.launchpad/plugin.choice
  [[ -n ${quiet:-} && $1 == "$(cat "$said" 2>/dev/null)" ]] || say "$1"
  printf '%s\n' "$1" >"$said"
}

# choose_command_plugin says which plugin `command` runs. The stand-in is in .launchpad/plugins (last on PATH) only where there
# is no official one.
choose_command_plugin() {
  local own official link=$plugins/pulumi-resource-command
  official=${PULUMI_HOME:-$HOME/.pulumi}/plugins/resource-command-v$COMMAND_PLUGIN_VERSION/pulumi-resource-command
  if own=$(users_own pulumi-resource-command); then
    rm -f "$link"
    say_choice "plugin command: yours, $own"
  elif [[ -x $official ]] || install_official_plugin; then
    rm -f "$link"
    say_choice "plugin command: official v$COMMAND_PLUGIN_VERSION"
  else
    from_offline use_stand_in_plugin "$link"
  fi
}
