"""How an app's dependencies are installed, decided by its files and without running any of them."""
