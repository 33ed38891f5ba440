"""The machine kinds, behind one contract."""
