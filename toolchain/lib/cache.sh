# shellcheck shell=bash disable=SC2154  # variables of toolchain/setup, which also sets -e
# The cache that all clones of one user share: one setup at a time fills it, and nothing half-made is ever seen in it.

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

# forget_leftovers drops what killed setups have left half made, and Go with its caches: hundreds of megabytes that only another
# version would need again.
forget_leftovers() {
  shopt -s nullglob
  leftovers=("$tools"/.go-* "$tools"/go-* "$tools"/.new-*)
  shopt -u nullglob
  ((${#leftovers[@]} == 0)) || step cleaning last_line drop_leftovers
}

drop_leftovers() {
  printf 'removing what is not needed any more\n'
  if remove "${leftovers[@]}"; then
    printf 'removed Go and what it had cached\n'
  else
    printf 'could not remove all of these, which are of no use any more: %s\n' "${leftovers[*]}"
  fi
}
