"""What this machine knows of itself, for Prometheus."""
