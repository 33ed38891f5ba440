"""A server that is there already, reached by SSH."""
