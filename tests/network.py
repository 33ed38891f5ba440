"""Faults of the network between this computer and an embedded machine: packets lost, connections cut or reset.

The kernels of many test computers have no netem, so nftables drops packets by chance instead. In a table of its own, for
one machine's interface, and gone at the end.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from infra.machines.embedded import client

SSH = 22


def lose(percent: int) -> str:
    """What nft does with that share of the packets: drop them."""
    return f"numgen random mod 100 < {percent} drop"


CUT = "drop"
"""Every packet is dropped, as by a cable that is pulled: nobody is told."""
RESET = "reject with tcp reset"
"""Each end is told that the other has no such connection any more, as by a router that has forgotten it."""


@contextmanager
def fault(machine: str, what: str, port: int = SSH) -> Iterator[None]:
    """Do this to the packets between this computer and a machine's port, in both directions, as long as the block lasts."""
    table = f"fault_{machine}"
    rules = (
        f"table inet {table} {{\n"
        "  chain in {\n    type filter hook input priority -10; policy accept;\n"
        f'    iifname "{machine}" tcp sport {port} {what}\n  }}\n'
        "  chain out {\n    type filter hook output priority -10; policy accept;\n"
        f'    oifname "{machine}" tcp dport {port} {what}\n  }}\n'
        "}\n"
    )
    nft = [*client.privilege(), "nft"]
    subprocess.run([*nft, "-f", "-"], input=rules, text=True, check=True)
    try:
        yield
    finally:
        subprocess.run([*nft, "delete", "table", "inet", table], check=True)
