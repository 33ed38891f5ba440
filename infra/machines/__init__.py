"""The kinds of machine that an app can run on, behind one contract."""
