"""Code that the workstation and the agent share. It imports only the standard library and the protocol."""
