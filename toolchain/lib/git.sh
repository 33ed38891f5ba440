# shellcheck shell=bash disable=SC2154  # root comes from who sources this
# This clone's own git config.

# keep_salt_out_of_git has git leave out what toolchain/salt-filter leaves out, in this clone only.
keep_salt_out_of_git() {
  local key=filter.pulumi-salt.clean filter=toolchain/salt-filter
  [[ -e $root/.git && -n $(type -P git) ]] || return 0
  [[ $(git -C "$root" config --local "$key") == "$filter" ]] || git -C "$root" config --local "$key" "$filter" || true
}
