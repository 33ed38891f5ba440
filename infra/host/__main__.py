"""Entry point of the packed program and of ``python -m infra.host``."""

import sys

from infra.host.cli import main

sys.exit(main())
