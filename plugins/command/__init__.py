"""Launchpad's stand-in for the official Pulumi plugin `command` 1.2.1: commands, local and over SSH, and copies."""
