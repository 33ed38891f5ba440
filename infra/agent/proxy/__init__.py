"""The proxy in front of the apps: Debian's Caddy with our configuration, in a unit of our own."""
