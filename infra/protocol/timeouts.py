"""Timeouts, in seconds, of the parts of a deployment that have no config key. The agent enforces them."""

from __future__ import annotations

PREPARE = 1800
"""Preparing a machine, with packages over a slow connection. Only Pulumi enforces this timeout."""
GIT = 900
"""One git command, such as fetching a large repository."""
GIT_COMMANDS = 3
"""Number of long git commands in a deployment: fetch, find missing files, check out."""
CONTENTS = 1800
"""Fetching submodules and files of Git LFS; the last git command in it may take its own time on top."""
PYTHON = 300
"""Downloading a Python version that the machine lacks."""
HOOK = 600
"""One hook of a release."""
HOOKS = 3
"""Number of hooks in a deployment: before_build, before_switch, after_switch."""
