"""The algorithms that sshd offers: those of today, in the order in which it prefers them.

What is not listed and why: SHA-1 and MD5 anywhere (broken), CBC ciphers (plaintext recovery, CVE-2008-5161), MACs that
are not encrypt-then-MAC (CVE-2023-48795 and others), 64-bit tags, the NIST curves for the key exchange (their constants
are nobody's), groups below 3072 bits. Each list has what Go's x/crypto/ssh knows, with which Pulumi's plugin connects:
curve25519, AES-GCM and ChaCha20, SHA-2 encrypt-then-MAC, ed25519 and ECDSA host keys.

Source: the defaults of OpenSSH 10.0 without the above; ssh-audit's hardening guides for Debian 12 and 13;
https://infosec.mozilla.org/guidelines/openssh
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

CERTIFICATE = "-cert-v01@openssh.com"
SIGNATURES = (
    *(f"ssh-ed25519{CERTIFICATE}", f"sk-ssh-ed25519{CERTIFICATE}", f"rsa-sha2-512{CERTIFICATE}"),
    *(f"rsa-sha2-256{CERTIFICATE}", "ssh-ed25519", "sk-ssh-ed25519@openssh.com", "rsa-sha2-512", "rsa-sha2-256"),
    # Last, and there at all because somebody's known_hosts, or the stack's, may hold an ECDSA host key.
    *("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com"),
)
CURRENT: Mapping[str, tuple[str, ...]] = {
    "KexAlgorithms": (
        *("mlkem768x25519-sha256", "sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com"),
        *("curve25519-sha256", "curve25519-sha256@libssh.org"),
        *("diffie-hellman-group18-sha512", "diffie-hellman-group16-sha512"),
    ),
    "Ciphers": (
        *("chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com"),
        *("aes256-ctr", "aes192-ctr", "aes128-ctr"),
    ),
    "MACs": ("hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "umac-128-etm@openssh.com"),
    "HostKeyAlgorithms": SIGNATURES,
    "PubkeyAcceptedAlgorithms": SIGNATURES,
}
"""By the keyword of sshd_config, which is what ``ssh -Q`` is asked by, too."""


def chosen(keyword: str, known: Iterable[str]) -> tuple[str, ...]:
    """Those of the current algorithms that the machine's OpenSSH knows, in our order.

    Args:
        keyword: The keyword of sshd_config.
        known: What ``ssh -Q`` prints for it.
    """
    there = set(known)
    return tuple(name for name in CURRENT[keyword] if name in there)
