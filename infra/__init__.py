"""Launchpad's Pulumi program: turns a stack's settings into a machine, a deployment and outputs."""
