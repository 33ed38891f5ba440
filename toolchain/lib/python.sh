# shellcheck shell=bash disable=SC2154,SC2164  # variables of toolchain/setup, which also sets -e
# Python: an interpreter that is here, uv, and the virtualenv of the committed lock.

# base_python prints the first real interpreter (no shim, no virtualenv) that is new enough and can make virtualenvs.
base_python() {
  local candidate found
  while read -r candidate; do
    found=$(new_enough_python "$candidate") || continue
    [[ -n $found ]] || continue # it is no Python, whatever its name says
    printf '%s' "$found"
    return
  done < <(type -aP python3 python3.14 python3.13 python3.12 python3.11)
  fail "no Python $PYTHON_OLDEST or newer here (with its venv module). Install one, for example: apt-get install python3 python3-venv"
}

# new_enough_python COMMAND prints the interpreter behind it; false where that is too old or lacks a part.
new_enough_python() {
  "$1" -I - "$PYTHON_OLDEST" 2>/dev/null <<'PYTHON'
import ensurepip, sys, venv  # Debian packs these two apart
if sys.version_info[:2] < tuple(map(int, sys.argv[1].split("."))):
    sys.exit(1)
print(getattr(sys, "_base_executable", sys.executable))
PYTHON
}

# ensure_uv sets `uv` to the user's own when new enough, else to one from PyPI in the cache.
ensure_uv() {
  local own version
  uv_trusts_the_system
  if own=$(users_own uv) && version=$("$own" --version 2>/dev/null) && version_at_least "$(cut -d' ' -f2 <<<"$version")" "$UV_OLDEST"; then
    uv=$own
    return
  fi
  uv_version=$(sed -n 's/^uv==\([^ ]*\).*/\1/p' "$root/toolchain/uv.txt")
  uv=$tools/uv-$uv_version/bin/uv
  [[ -x $uv ]] || step uv last_line get_uv "$1"
}

get_uv() {
  local work
  work=$(fresh_dir uv)
  printf 'installing uv %s from PyPI\n' "$uv_version"
  "$1" -m venv "$work"
  pip_trusts_the_system "$work/bin/python"
  "$work/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$root/toolchain/uv.txt"
  keep_dir "$work" "uv-$uv_version" # only the uv executable is used from it, and that does not mind the move
  printf '%s, from PyPI\n' "$("$tools/uv-$uv_version/bin/uv" --version)"
}

# ensure_virtualenv makes .venv what toolchain/requirements.lock says.
ensure_virtualenv() {
  step virtualenv last_line make_virtualenv "$1"
}

make_virtualenv() {
  export UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1
  unset VIRTUAL_ENV
  printf 'installing %s packages\n' "$(grep -c '^[a-z].*==' "$root/toolchain/requirements.lock")"
  # A virtualenv knows its own path and its interpreter: where either is another one, start anew.
  if ! grep -qsF "VIRTUAL_ENV=$root/.venv" "$root/.venv/bin/activate" && ! grep -qsF "VIRTUAL_ENV='$root/.venv'" "$root/.venv/bin/activate" ||
    ! new_enough_python "$root/.venv/bin/python" >/dev/null; then
    "$uv" venv --quiet --clear --python "$1" "$root/.venv"
  fi
  "$uv" pip sync --quiet --python "$root/.venv/bin/python" --require-hashes "$root/toolchain/requirements.lock"
  # This clone's packages, for Pulumi programs in other folders. Relative: a clone that is moved takes it along.
  printf '../../../..\n' >"$(echo "$root"/.venv/lib/python3.*/site-packages)/launchpad.pth"
  # Compiled now, or every run would start a second later where the environment forbids Python to write bytecode.
  env -u PYTHONDONTWRITEBYTECODE "$root/.venv/bin/python" -c 'import pulumi.dynamic, pulumi_command.remote, pulumi_command.local, asyncssh, typer.main, rich.live, yaml'
  env -u PYTHONDONTWRITEBYTECODE "$root/.venv/bin/python" -m pip list >/dev/null
  touch "$root/.venv/synced" # toolchain/bin/launchpad compares the lock with it
  printf '%s, %s packages from the lock\n' "$("$root/.venv/bin/python" --version)" "$(grep -c '^[a-z].*==' "$root/toolchain/requirements.lock")"
}

# compile_modules has Python's bytecode of this clone's own modules at hand. Python itself writes none where the environment
# forbids it, nor when it runs as root for an embedded machine; every command would compile them again then, a fifth of a second.
compile_modules() {
  local stamp=$root/.venv/compiled folders=("$root"/cli "$root"/infra "$root"/plugins)
  [[ ! -e $stamp || -n $(find "${folders[@]}" -name '*.py' -newer "$stamp" -print -quit 2>/dev/null) ]] || return 0
  touch "$stamp.new" # from before it begins: what changes meanwhile is compiled the next time
  env -u PYTHONDONTWRITEBYTECODE "$root/.venv/bin/python" -m compileall -qq "${folders[@]}" >/dev/null 2>&1 || true
  mv "$stamp.new" "$stamp"
}
