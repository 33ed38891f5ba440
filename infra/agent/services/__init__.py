"""What an app leans on beside its own processes: set up by ``prepare``, there before its first release."""
