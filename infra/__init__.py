"""Launchpad's Pulumi program: from settings to a machine, a deployment on it and the stack's outputs."""
