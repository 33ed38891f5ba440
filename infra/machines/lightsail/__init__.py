"""Kind lightsail: an instance of Amazon Lightsail, AWS's VPS."""
