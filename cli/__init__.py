"""The launchpad command: what a person types, over Pulumi's CLI and SSH."""
