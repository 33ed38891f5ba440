//go:build tools

// Package tools pins what toolchain/setup builds here, so that go.mod and go.sum stay complete.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
