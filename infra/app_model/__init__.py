"""What an app is, read from its files and never by running them. Standard library only; both sides use it."""
