"""What the kinds of machines on AWS share: clients, credentials, provider, tags and the errors of their preflights."""
