"""The passwords of a site: kept and given to the proxy as bcrypt hashes, and never on a command line.

Debian's Caddy checks bcrypt. Its own ``caddy hash-password`` makes a new hash each time, which would reload the proxy
although nothing has changed, and at a cost of 14, which is a second of processor for each password that somebody
guesses. So the C library's crypt(3) makes them, at a tenth of that, and says whether a kept one still fits.
"""

from __future__ import annotations

import ctypes
import hmac
from collections.abc import Mapping
from functools import cache

from infra.agent.system.failure import Failure
from infra.protocol.visitors import Passwords

LIBRARY = "libcrypt.so.1"
"""Part of each Debian: perl-base and login need it."""
METHOD, COST = b"$2b$", 10
"""bcrypt, 2**10 rounds. Source: crypt(5), OWASP Password Storage Cheat Sheet."""


def hashed(wanted: Passwords, kept: Mapping[str, str]) -> Passwords:
    """Users and the hashes of their passwords.

    Args:
        wanted: Users and passwords.
        kept: Hashes by user, as they were made before; one whose password is still the same stays.

    Raises:
        Failure: This machine cannot make such hashes.
    """
    return tuple((user, _hash(password, kept.get(user, ""))) for user, password in wanted)


def fits(password: str, kept: str) -> bool:
    """Whether a hash is one of this password's."""
    return bool(kept) and hmac.compare_digest(_crypt(password, kept.encode()), kept)


def _hash(password: str, kept: str) -> str:
    if kept.startswith(METHOD.decode()) and fits(password, kept):
        return kept
    salt = _library().crypt_gensalt(METHOD, COST, None, 0)
    made = _crypt(password, salt) if salt else ""
    if not made.startswith(METHOD.decode()):
        raise Failure(f"The passwords of basic_auth cannot be hashed: {LIBRARY} of this machine knows no bcrypt.")
    return made


def _crypt(password: str, setting: bytes) -> str:
    return (_library().crypt(password.encode(), setting) or b"").decode("ascii", "replace")


@cache
def _library() -> ctypes.CDLL:
    try:
        library = ctypes.CDLL(LIBRARY)
    except OSError as error:
        raise Failure(f"The passwords of basic_auth cannot be hashed: {error}") from error
    library.crypt.restype = library.crypt_gensalt.restype = ctypes.c_char_p
    library.crypt.argtypes = [ctypes.c_char_p, ctypes.c_char_p]
    library.crypt_gensalt.argtypes = [ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p, ctypes.c_int]
    return library
