"""What else is on a server that somebody has: a web server, an app of its own and a firewall; and that they go on."""

from __future__ import annotations

import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

PORTS = {"nginx": 80, "ledger": 9000}
"""Where they answer."""
FIREWALL = """\
#!/usr/sbin/nft -f
flush ruleset
table inet own {
  chain in {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    iifname "lo" accept
    tcp dport { 22, 80, 8080, 9000 } accept
  }
}
"""
"""That of the server's owner: SSH's other port, 2222, is for those who come through the server itself."""
LEDGER = """\
[Service]
User=ledger
ExecStart=/usr/bin/python3 -m http.server --directory /srv/ledger 9000
Restart=always
[Install]
WantedBy=multi-user.target
"""
SETUP = f"""set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
apt-get -qq install -y nginx nftables
useradd --system --home-dir /srv/ledger --create-home --shell /usr/sbin/nologin ledger
echo "all is booked" >/srv/ledger/index.html
cat >/etc/systemd/system/ledger.service <<'END'
{LEDGER}END
cat >/etc/nftables.conf <<'END'
{FIREWALL}END
systemctl daemon-reload
systemctl enable --quiet --now ledger nftables
until ss -Hltn sport = :9000 | grep -q .; do sleep 0.1; done
"""


class Rooted(Protocol):
    """A server on which root can do something."""

    def sudo(self, command: str, feed: str = "") -> str:
        """Run a command as root; it must succeed."""


def settle(server: Rooted) -> None:
    """Have them all on the server."""
    server.sudo("bash", SETUP)


def rules(server: Rooted) -> str:
    """All rules of the server's firewall."""
    return server.sudo("nft list ruleset")


@contextmanager
def answering(address: str) -> Iterator[None]:
    """Ask each of them again and again, over a connection of its own; all must answer."""
    stop, failures, answers = threading.Event(), [], dict.fromkeys(PORTS, 0)

    def ask() -> None:
        while not stop.wait(0.2):
            for name, port in PORTS.items():
                try:
                    with urllib.request.urlopen(f"http://{address}:{port}/", timeout=60) as answer:
                        assert answer.status == 200
                        answers[name] += 1
                except (OSError, AssertionError) as error:
                    failures.append(f"{name} at {time.strftime('%X')}: {error}")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert failures == []
    assert all(answers.values()), answers
