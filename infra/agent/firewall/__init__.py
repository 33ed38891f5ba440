"""The firewall of a server: one nftables table of Launchpad's, beside whatever else is there."""
