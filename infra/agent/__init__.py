"""What runs on the machine, as root: prepares it and does releases. Standard library only, knows nothing of Pulumi."""
