# shellcheck shell=bash disable=SC2154  # variables of toolchain/setup, which also sets -e
# Steps that take a while: their output goes to a log, and the user sees a sign of life.

PAUSE=2500000 # microseconds: nobody is left without a sign of life for longer
outcome=0
child=

# now prints microseconds, without starting a process.
now() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }

# seconds_since MICROSECONDS prints "[  3.2s]".
seconds_since() {
  local tenths=$((($(now) - $1) / 100000))
  printf '[%3d.%ds]' $((tenths / 10)) $((tenths % 10))
}

# follow NAME WATCHER COMMAND... runs COMMAND with its output in a log, and leaves its exit status in `outcome`. Meanwhile it shows
# the seconds and what WATCHER prints of the log: on a terminal as one living line, elsewhere as a line every few seconds.
follow() {
  local name=$1 watcher=$2 log=$logs/$1.log shown
  shift 2
  started=$(now) shown=$started
  mkdir -p "$logs"
  set -m # a process group of its own, so that Ctrl-C can end all of it
  "$@" >"$log" 2>&1 </dev/null 9>&- &
  child=$!
  set +m
  while kill -0 "$child" 2>/dev/null; do
    if [[ -t 2 ]]; then
      printf '\r\033[K%s %s: %.90s' "$(seconds_since "$started")" "$name" "$("$watcher" "$log")" >&2
    elif (($(now) - shown > PAUSE)); then
      shown=$(now)
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
