"""The machine itself: what all stacks on it want of its SSH, updates, clock, journal, swap, kernel and people."""
