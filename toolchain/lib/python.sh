# shellcheck shell=bash disable=SC2154,SC2164  # variables of toolchain/setup, which also sets -e
# Python: an interpreter that is here, uv, and the virtualenv of the committed lock.

# base_python prints the first real interpreter (no shim, no virtualenv) that is new enough and can make virtualenvs.
base_python() {
  local candidate found
  while read -r candidate; do
    found=$("$candidate" -I - "$PYTHON_OLDEST" 2>/dev/null <<'PYTHON'
import ensurepip, sys, venv  # Debian packs these two apart
wanted = tuple(int(part) for part in sys.argv[1].split("."))
print(getattr(sys, "_base_executable", sys.executable) if sys.version_info[:2] >= wanted else "")
PYTHON
    ) || continue
    [[ -n $found ]] || continue
    printf '%s' "$found"
    return
  done < <(type -aP python3 python3.14 python3.13 python3.12 python3.11)
  fail "no Python $PYTHON_OLDEST or newer here (with its venv module). Install one, for example: apt-get install python3 python3-venv"
}

# uv_trusts_the_system has uv believe the certificate authorities that this computer believes, a company's own among them: left
# alone it brings a list of its own. What the user has set stays.
uv_trusts_the_system() {
  [[ -z ${UV_SYSTEM_CERTS+x}${UV_NATIVE_TLS+x} ]] || return 0
  export UV_SYSTEM_CERTS=true UV_NATIVE_TLS=true # the second is what it is called before uv 0.11
}

# pip_trusts_the_system PYTHON does so for pip, which brings a list of its own before 24.2.
pip_trusts_the_system() {
  local bundle
  [[ -z ${REQUESTS_CA_BUNDLE:-}${CURL_CA_BUNDLE:-} ]] || return 0
  ! "$1" -m pip config list | grep '\.cert=' >/dev/null || return 0 # the user's: PIP_CERT, or cert of a pip.conf
  for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
    [[ ! -s $bundle ]] || { export PIP_CERT=$bundle && return; }
  done
}

# ensure_uv sets `uv` to the user's own when new enough, else to one from PyPI in the cache.
ensure_uv() {
  local own version
  uv_trusts_the_system
  if own=$(users_own uv) && version=$("$own" --version 2>/dev/null) && version_at_least "$(cut -d' ' -f2 <<<"$version")" "$UV_OLDEST"; then
    uv=$own
    return
  fi
  uv=$tools/uv-$UV_VERSION/bin/uv
  [[ -x $uv ]] || step uv last_line get_uv "$1"
}

get_uv() {
  local work
  work=$(fresh_dir uv)
  printf 'installing uv %s from PyPI\n' "$UV_VERSION"
  "$1" -m venv "$work"
  pip_trusts_the_system "$work/bin/python"
  "$work/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$root/toolchain/uv.lock"
  keep_dir "$work" "uv-$UV_VERSION" # only the uv executable is used from it, and that does not mind the move
  printf '%s, from PyPI\n' "$("$tools/uv-$UV_VERSION/bin/uv" --version)"
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
    ! "$root/.venv/bin/python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    "$uv" venv --quiet --clear --python "$1" "$root/.venv"
  fi
  "$uv" pip sync --quiet --python "$root/.venv/bin/python" --require-hashes "$root/toolchain/requirements.lock"
  # Compiled now, or every run would start a second later where the environment forbids Python to write bytecode.
  env -u PYTHONDONTWRITEBYTECODE "$root/.venv/bin/python" -c 'import pulumi.dynamic, pulumi_command.remote, pulumi_command.local, asyncssh'
  env -u PYTHONDONTWRITEBYTECODE "$root/.venv/bin/python" -m pip list >/dev/null
  printf '%s, %s packages from the lock\n' "$("$root/.venv/bin/python" --version)" "$(grep -c '^[a-z].*==' "$root/toolchain/requirements.lock")"
}
