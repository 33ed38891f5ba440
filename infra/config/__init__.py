"""The settings of a stack: the config keys, their readers, and the checks that involve several keys."""
