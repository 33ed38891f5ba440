"""Readers of certificates and private keys in PEM form, and whether the two belong together."""

from __future__ import annotations

import base64
import binascii
import re
import ssl
import tempfile
from pathlib import Path

BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----\n(.*?)\n?-----END \1-----", re.DOTALL)
CERTIFICATE = "-----BEGIN CERTIFICATE-----"
OPENSSH_MAGIC = b"openssh-key-v1\0"
TLS_KEYS = ("PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY")
SSH_KEYS = (*TLS_KEYS, "OPENSSH PRIVATE KEY", "DSA PRIVATE KEY")
OTHER_KEY = ("KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""OpenSSL's reasons for a key of another certificate, of the same kind and of another."""
ENCRYPTED = ("ENCRYPTED PRIVATE KEY", "Proc-Type: 4,ENCRYPTED")


def certificates(value: str) -> str:
    """One or more certificates, or empty."""
    allowed = f"certificates in PEM form, with their line breaks, from {CERTIFICATE} on"
    value = _text(value)
    if not value:
        return ""
    if "PRIVATE KEY-----" in value:
        raise ValueError(f"{allowed}, and no private key: that is a secret, and take this one for known to others")
    found = [block[0] for block in BLOCK.finditer(value) if block[1] == "CERTIFICATE"]
    if not found or value.count(CERTIFICATE) != len(found):
        raise ValueError(allowed)
    for number, block in enumerate(found, 1):
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(cadata=block)
        except (ssl.SSLError, ValueError):
            raise ValueError(f"{allowed} (certificate {number} of {len(found)} is damaged)") from None
    return value


def tls_key(value: str) -> str:
    """The private key of a certificate, without a passphrase, or empty."""
    return _key(value, TLS_KEYS, "-----BEGIN PRIVATE KEY-----")


def ssh_key(value: str) -> str:
    """A private key for SSH, without a passphrase, or empty."""
    return _key(value, SSH_KEYS, "-----BEGIN OPENSSH PRIVATE KEY-----")


def misfit(certificate: str, key: str) -> str:
    """Why a web server could not use this certificate with this key; empty where it can."""
    with tempfile.TemporaryDirectory() as folder:
        chain, own = Path(folder, "certificate"), Path(folder, "key")
        for path, text in ((chain, certificate), (own, key)):
            path.touch(mode=0o600)
            path.write_text(f"{text}\n")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        # Whether a key is long enough is not asked here.
        context.set_ciphers("ALL:@SECLEVEL=0")
        try:
            context.load_cert_chain(chain, own, password=_no_passphrase)
        except ssl.SSLError as error:
            return "does not belong to" if error.reason in OTHER_KEY else "is damaged, so it cannot be used with"
        except ValueError:
            return "needs a passphrase, so no web server can use it with"
    return ""


def _no_passphrase() -> str:
    """OpenSSL would ask the terminal."""
    raise ValueError


def _text(value: str) -> str:
    """Without white space around it, and with the line ends that every program takes."""
    return value.replace("\r\n", "\n").strip()


def _key(value: str, labels: tuple[str, ...], begin: str) -> str:
    allowed = f"a private key in PEM form, with its line breaks, such as one that begins with {begin}"
    value = _text(value)
    if not value:
        return ""
    if any(sign in value for sign in ENCRYPTED):
        raise ValueError(f"{allowed}, and have no passphrase")
    found = [block for block in BLOCK.finditer(value) if block[1].endswith("PRIVATE KEY")]
    if len(found) != 1 or found[0][1] not in labels:
        raise ValueError(allowed)
    try:
        content = base64.b64decode("".join(found[0][2].split()), validate=True)
    except binascii.Error:
        content = b""
    openssh = found[0][1].startswith("OPENSSH")
    if not content or openssh != content.startswith(OPENSSH_MAGIC):
        raise ValueError(f"{allowed} (this one is damaged)")
    if openssh and not content.startswith(OPENSSH_MAGIC + b"\0\0\0\x04none"):
        raise ValueError(f"{allowed}, and have no passphrase")
    return value
