"""Entry point of the packed program and of ``python -m infra.agent``."""

import sys

from infra.agent.cli import main

sys.exit(main())
