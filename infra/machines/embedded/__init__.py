"""The machine on your own computer: a system container with its own disk, address, firewall and limits."""
