"""Maintenance mode, as far as both sides know it."""

HEADER = "Launchpad-Maintenance"
"""Is in what visitors of a closed site get, so that the check of the public URL knows whose 503 it is."""
PATH = "/launchpad-maintenance"
"""The URL that lets a browser see the closed site; the key follows."""
COOKIE = "launchpad_maintenance"
"""The cookie that does so, with the key."""
RETRY_AFTER, LONGEST = 600, 604_800
"""Seconds after which visitors are asked to come again, and at most."""
LONGEST_MESSAGE = 2000
"""Characters of the message."""
