"""The config keys that every stack reads, a group a module."""
