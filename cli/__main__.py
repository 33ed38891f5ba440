"""Run the launchpad command: ``python -m cli``."""

from cli.main import main
from infra.common import garbage

if __name__ == "__main__":
    garbage.overlook_modules()
    main()
