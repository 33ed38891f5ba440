"""Asks a MySQL or MariaDB server whether it is there, by its greeting; who may log in, it is not asked."""

from __future__ import annotations

from infra.agent.services.wire import NotSpoken, Wire
from infra.protocol.service_urls import Server

PROTOCOL = b"\x0a"
REFUSED = b"\xff"
REFUSALS = {
    1040: "has too many connections",
    1129: "has blocked this machine after too many errors (mysqladmin flush-hosts)",
    1130: "does not allow connections from this machine",
}
"""What it says instead of a greeting. Source: MySQL's Server Error Message Reference."""


def why_not(wire: Wire, _server: Server) -> str:
    """Why the app cannot use it, as the rest of a sentence; empty if nothing is known against it."""
    header = wire.take(4)
    greeting = wire.take(int.from_bytes(header[:3], "little"))
    if greeting[:1] == REFUSED:
        number = int.from_bytes(greeting[1:3], "little")
        return REFUSALS.get(number, f"answers with error {number}")
    if header[3] != 0 or greeting[:1] != PROTOCOL:
        raise NotSpoken
    return ""
