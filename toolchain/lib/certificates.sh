# shellcheck shell=bash
# uv and pip bring lists of certificate authorities of their own; here they trust those that this computer trusts, a company's
# own among them. What the user has set stays.

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
