# shellcheck shell=bash disable=SC2154  # root comes from who sources this
# Whose clone this is. Sourced before anything is written into it.

# check_owner ends with a message where the clone, or what an earlier run has made in it, is another user's: what root leaves
# there stands in its owner's way, and git refuses to read another's clone. A root that git has been told to trust the clone
# (in a container, say) may go on.
check_owner() {
  local place=$root
  [[ ! -e $root/.launchpad ]] || place=$root/.launchpad
  [[ ! -O $place ]] || return 0
  if [[ -w $place && -z ${SUDO_UID:-} ]] && git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then return 0; fi
  printf 'launchpad: %s belongs to %s, and you are %s. Run this as %s, or make a clone of your own.\n' \
    "$place" "$(stat -c %U "$place")" "$(id -un)" "$(stat -c %U "$place")" >&2
  exit 1
}
