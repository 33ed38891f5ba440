"""The certificates of the authorities that sign those of RDS: Debian's own do not contain them.

AWS publishes them at one address for all regions. They come over HTTPS, whose certificate Debian's authorities vouch
for, and everything that connects to the database accepts those that they sign, for the server's own name only.
Source: AWS's documentation, "Using SSL/TLS to encrypt a connection to a DB instance or cluster".
"""

from __future__ import annotations

from pathlib import Path

from infra.agent.system import files, say
from infra.agent.system.failure import Failure
from infra.protocol import database

BUNDLE = "https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem"
FILE = Path(database.CA)
LONGEST, ANSWER = 2**21, 30.0
"""Bytes that they may have, and seconds that the answer may take."""


def ensure() -> bool:
    """Have the certificates here; says whether they were fetched. Those that are here stay.

    Raises:
        Failure: They cannot be fetched.
    """
    if FILE.is_file():
        return False
    return fetch()


def fetch() -> bool:
    """Fetch the certificates as they are now; says whether they are others.

    Raises:
        Failure: They cannot be fetched, or are no certificates.
    """
    import ssl  # noqa: PLC0415 - late: hardly any command needs these two
    import urllib.request  # noqa: PLC0415

    say.step("database", f"fetching {BUNDLE}")
    try:
        with urllib.request.urlopen(BUNDLE, timeout=ANSWER, context=ssl.create_default_context()) as answer:
            text = answer.read(LONGEST).decode("ascii")
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise Failure(f"The certificates of RDS cannot be fetched from {BUNDLE}: {reason}") from None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise Failure(f"What is at {BUNDLE} are no certificates, so the database cannot be told from others") from None
    return files.write(FILE, text)
