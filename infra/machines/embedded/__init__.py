"""The embedded machine: a system container on this computer with its own disk, address, firewall and limits."""
