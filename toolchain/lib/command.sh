# shellcheck shell=bash disable=SC2154,SC2164  # variables of toolchain/setup, which also sets -e
# The plugin `command`: the official one where it is or can be had, else the stand-in of plugins/command.

REFUSAL_MINUTES=1440 # a vendor site out of reach is asked again after a day, or by `make setup`

# choose_command_plugin puts the stand-in into .launchpad/plugins (last on PATH) only when there is no official plugin, and
# says which one runs.
choose_command_plugin() {
  local own official link=$plugins/pulumi-resource-command
  official=${PULUMI_HOME:-$HOME/.pulumi}/plugins/resource-command-v$COMMAND_PLUGIN_VERSION/pulumi-resource-command
  if own=$(users_own pulumi-resource-command); then
    rm -f "$link"
    say "plugin command: yours, $own"
  elif [[ -x $official ]] || install_official_plugin; then
    rm -f "$link"
    say "plugin command: official v$COMMAND_PLUGIN_VERSION"
  else
    [[ $link -ef $root/plugins/command/pulumi-resource-command ]] ||
      link_tool "$root/plugins/command/pulumi-resource-command" "$link"
    say "plugin command: our stand-in for v$COMMAND_PLUGIN_VERSION (plugins/command), as the official one is not in reach"
  fi
}

# install_official_plugin is false, and soon so, when the vendor's site is not in reach.
install_official_plugin() {
  local refused=$tools/plugin-command-$COMMAND_PLUGIN_VERSION-refused log=$logs/plugin-command.log
  [[ -z $(find "$refused" -mmin -$REFUSAL_MINUTES 2>/dev/null) ]] || return 1
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
