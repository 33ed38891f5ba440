"""The rules of certificates and private keys in PEM format, and the check that a key belongs to a certificate."""

from __future__ import annotations

import base64
import re
import ssl
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.protocol.refusal import Refusal

BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n(.*?)\n?-----END \1-----", re.DOTALL)
CERTIFICATE = "-----BEGIN CERTIFICATE-----"
OPENSSH_MAGIC = b"openssh-key-v1\0"
TLS_KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
SSH_KEYS = (*TLS_KEYS, "OPENSSH PRIVATE KEY", "DSA PRIVATE KEY")
OTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""OpenSSL's reasons for a key that belongs to another certificate, with the same or another key type."""
OTHER_HOST = 62
"""OpenSSL's verdict on a certificate that is not for the host: X509_V_ERR_HOSTNAME_MISMATCH."""
ROUNDS = 4
"""Rounds after which a handshake has ended in any case."""
ENCRYPTED = ("ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED")


def certificates(value: object) -> str:
    """One or more certificates, or empty."""
    allowed = f"certificates in PEM form, with their line breaks, from {CERTIFICATE} on"
    text = _text(value, allowed)
    if not text:
        return ""
    if "PRIVATE KEY-----" in text:
        raise Refusal(f"{allowed}, and no private key: that is a secret, and take this one for known to others")
    blocks = [block[0] for block in BLOCK.finditer(text) if block[1] == "CERTIFICATE"]
    if not blocks or text.count(CERTIFICATE) != len(blocks):
        raise Refusal(allowed)
    for number, block in enumerate(blocks, 1):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=block)
        except (ssl.SSLError, TypeError, ValueError):
            raise Refusal(f"{allowed} (certificate {number} of {len(blocks)} is damaged)") from None
    return text


def tls_key(value: object) -> str:
    """The private key of a certificate, without a passphrase, or empty."""
    return _key(value, TLS_KEYS, "-----BEGIN PRIVATE KEY-----")


def ssh_key(value: object) -> str:
    """A private key for SSH, without a passphrase, or empty."""
    return _key(value, SSH_KEYS, "-----BEGIN OPENSSH PRIVATE KEY-----")


def misfit(certificate: str, key: str) -> str:
    """Why a web server cannot use this certificate with this key, as a phrase; empty if it can."""
    with _files(certificate, key) as (chain, own):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Key lengths are not checked here.
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            context.load_cert_chain(chain, own, password=_no_passphrase)
        except ssl.SSLError as error:
            return "does not belong to" if error.reason in OTHER_KEY else "is damaged, so it cannot be used with"
        except ValueError:
            return "needs a passphrase, so no web server can use it with"
    return ""


def uncovered(certificate: str, key: str, names: Iterable[str]) -> list[str]:
    """The host names that a certificate is not for, by what its own client would say; the key has to fit it."""
    return [name for name in names if _handshake(certificate, key, name) == OTHER_HOST]


def _handshake(certificate: str, key: str, name: str) -> int:
    """Connect a client to a server with this certificate, in memory; OpenSSL's verdict on the certificate, 0 if good.

    Any certificate counts as trusted: only the rest of what a client checks is of interest.
    """
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context(cadata=certificate)
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    with _files(certificate, key) as (chain, own):
        for context in (server, client):
            context.set_ciphers("ALL:@SECLEVEL=0")
        server.load_cert_chain(chain, own)
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (client.wrap_bio(back, there, server_hostname=name), server.wrap_bio(there, back, server_side=True))
    for end in ends * ROUNDS:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error.verify_code
    return 0


@contextmanager
def _files(certificate: str, key: str) -> Iterator[tuple[Path, Path]]:
    """The certificate and the key as files that only their owner can read."""
    with tempfile.TemporaryDirectory() as folder:
        chain, own = Path(folder, "certificate"), Path(folder, "key")
        for path, text in ((chain, certificate), (own, key)):
            path.touch(mode=0o600)
            path.write_text(f"{text}\n")
        yield chain, own


def _no_passphrase() -> str:
    """Refuse to enter a passphrase; otherwise OpenSSL would prompt for it."""
    raise ValueError


def _text(value: object, allowed: str) -> str:
    """The text without surrounding white space and with Unix line ends."""
    if not isinstance(value, str) or "\0" in value:
        raise Refusal(allowed)
    return value.replace("\r\n", "\n").strip()


def _key(value: object, labels: tuple[str, ...], begin: str) -> str:
    allowed = f"a private key in PEM form, with its line breaks, such as one that begins with {begin}"
    text = _text(value, allowed)
    if not text:
        return ""
    if any(sign in text for sign in ENCRYPTED):
        raise Refusal(f"{allowed}, and have no passphrase")
    blocks = [block for block in BLOCK.finditer(text) if block[1].endswith("PRIVATE KEY")]
    if len(blocks) != 1 or blocks[0][1] not in labels:
        raise Refusal(allowed)
    try:
        content = base64.b64decode("".join(blocks[0][2].split()), validate=True)
    except ValueError:
        content = b""
    openssh = blocks[0][1].startswith("OPENSSH")
    if not content or openssh != content.startswith(OPENSSH_MAGIC):
        raise Refusal(f"{allowed} (this one is damaged)")
    if openssh and not content.startswith(OPENSSH_MAGIC + b"\0\0\0\x04none"):
        raise Refusal(f"{allowed}, and have no passphrase")
    return text
