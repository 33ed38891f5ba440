"""Takes away what Launchpad put on the machine: an app, and with the last one what all of them share."""
