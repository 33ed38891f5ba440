"""The operating system as the agent uses it: files, programs, units, locks, and what the agent prints."""
