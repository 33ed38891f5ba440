"""Backs up what apps keep, proves that it can be restored, and restores it."""
