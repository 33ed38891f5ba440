"""How the processes of an app start, run and stop on this machine."""
