"""The app on a machine: reach it, prepare it, bring the source, release."""
