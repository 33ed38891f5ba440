"""The embedded machine's driver for a machine that plays somebody's server: it may change its own firewall."""

import sys

from infra.machines.embedded import container, driver

container.DROPPED = tuple(each for each in container.DROPPED if each != "CAP_NET_ADMIN")

if __name__ == "__main__":
    sys.exit(driver.main())
