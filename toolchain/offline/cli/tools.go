//go:build tools

// Package tools pins what toolchain/setup builds here, so that go.mod and go.sum stay complete.
package tools

import _ "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
