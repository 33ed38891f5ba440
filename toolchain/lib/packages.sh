# shellcheck shell=bash disable=SC2154,SC2164  # variables of toolchain/setup, which also sets -e
# Debian packages: install those that are missing, and only then need root.

# missing_packages NAME... prints those that dpkg does not know as installed.
missing_packages() {
  dpkg-query -W -f '${db:Status-Abbrev}${Package}\n' "$@" 2>/dev/null | sed -n 's/^ii *//p' |
    grep -vxFf - <(printf '%s\n' "$@") || true
}

# packages_complete NAME... is true when there is nothing to install.
packages_complete() {
  if [[ -z $(type -P dpkg-query) ]]; then
    [[ -n $(type -P git) && -n $(type -P ssh) ]]
  else
    [[ -z $(missing_packages "$@") ]]
  fi
}

install_packages() {
  local missing as_root=()
  if [[ -z $(type -P dpkg-query) ]]; then
    fail "this is not Debian or Ubuntu: install git and an ssh client yourself (and, for the embedded machine, the likes of: $*)."
  fi
  mapfile -t missing < <(missing_packages "$@")
  if (($(id -u) != 0)); then
    if ! may_sudo; then
      fail "Debian packages are missing, and you are neither root nor have sudo. Have an administrator run:
    apt-get update && apt-get install --no-install-recommends ${missing[*]}"
    fi
    as_root=(sudo -n)
  fi
  step packages last_line apt_install "${missing[@]}"
}

apt_install() {
  local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600)
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive dpkg --configure -a # heals an earlier install that was killed
  "${apt[@]}" update
  "${apt[@]}" install --no-install-recommends "$@"
  printf 'installed %s\n' "$*"
}
