"""Turns a commit into a release: its files, its Python and its virtualenv."""
