//go:build tools

// Package tools pins what toolchain/setup builds here, so that go.mod and go.sum stay complete. sdk v3.68.0 is the last one
// that holds the Python language host: since then it is in a module of its own, which the Go module proxy does not have.
package tools

import _ "github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
