# shellcheck shell=bash disable=SC2154  # variables of toolchain/setup, which also sets -e
# The plugin `command` where the official one cannot be had: the stand-in of plugins/command.

# use_stand_in_plugin LINK
use_stand_in_plugin() {
  [[ $1 -ef $root/plugins/command/pulumi-resource-command ]] || link_tool "$root/plugins/command/pulumi-resource-command" "$1"
  say_choice "plugin command: our stand-in for v$COMMAND_PLUGIN_VERSION (plugins/command), as the official one is not in reach"
}
