"""The config keys of a server that is there already, and their checks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from infra.config import readers
from infra.config.key import NAMESPACE, Keys, key
from infra.config.settings import Settings
from infra.ssh import PORT

HOST = r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?"
USER = r"[A-Za-z_][A-Za-z0-9_.-]{0,31}"
FIREWALL_KEYS = ("ssh_cidrs", "ssh_from_anywhere", "web_cidrs", "rules")
"""The keys of every stack that set up a firewall, which a server of this kind has from somebody else."""
JUMP_KEYS = ("jump_user", "jump_host_key", "jump_private_key")


def _host(description: str, example: str = "", also: tuple[str, ...] = ()) -> str:
    """Declare a key for a host."""
    allowed = "a host name or an IPv4 address, such as 203.0.113.7"
    return key(readers.pattern(HOST, allowed, empty=True), description=description, example=example, also=also)


def _port(description: str, also: tuple[str, ...] = ()) -> int:
    """Declare a key for a port of SSH."""
    return key(readers.whole_number(1, 65535), default=str(PORT), description=description, example="2222", also=also)


@dataclass(frozen=True, kw_only=True)
class ServerKeys(Keys):
    """A Debian or Ubuntu server with systemd that you have already, reached by SSH."""

    host: str = _host(
        "Name or IPv4 address of the server's SSH.", example="203.0.113.7", also=("ip", "ip_address", "ssh_host")
    )
    port: int = _port("Port of the server's SSH.", also=("ssh_port",))
    user: str = key(
        readers.pattern(USER, "a user name such as root or deploy"),
        default="root",
        description="User to log in as: root, or one who may run sudo without a password.",
        example="deploy",
        also=("ssh_user", "username", "login"),
    )
    private_key: str = key(
        readers.ssh_key,
        description="""Private key of that user (OpenSSH or PEM, without a passphrase). Empty: the keys of your ssh
            agent (SSH_AUTH_SOCK).""",
        secret=True,
        also=("identity_file", "ssh_private_key"),
    )
    host_key: str = key(
        readers.host_key,
        description="""The server's public host key. Any other is refused before anything is sent. launchpad trust HOST
            fetches it, shows its fingerprint to compare, and sets it.""",
        example="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
        also=("fingerprint",),
    )
    address: str = _host(
        """Name or IPv4 address of the app for its visitors, if that is not server.host, as behind a jump host. A
            domain goes before it.""",
        example="203.0.113.8",
        also=("public_ip", "public_address"),
    )
    jump_host: str = _host(
        "Name or IPv4 address of an SSH server that every connection goes through. Empty: none.",
        example="203.0.113.9",
        also=("bastion", "proxy", "proxy_jump", "jump"),
    )
    jump_port: int = _port("Port of the jump host's SSH.")
    jump_user: str = key(
        readers.pattern(USER, "a user name such as root or deploy", empty=True),
        description="User to log in as at the jump host. Empty: server.user.",
        example="jump",
    )
    jump_host_key: str = key(
        readers.host_key,
        description="The jump host's public host key; launchpad trust sets it, too.",
        example="ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    )
    jump_private_key: str = key(
        readers.ssh_key,
        description="Private key for the jump host. Empty: server.private_key, or the keys of your ssh agent.",
        secret=True,
    )
    firewall: Literal["off", "on"] = key(
        readers.choice("off", "on"),
        default="off",
        description="""on has Launchpad manage what comes in to the server: SSH from ssh_cidrs (empty: from everywhere,
            as before), the app from web_cidrs, and rules; the rest is dropped. Refused where the server has another
            firewall, such as ufw. New rules are confirmed over a fresh connection, or taken back after 60 s.""",
        example="on",
    )
    public_check: bool = key(
        readers.flag,
        default="true",
        description="""false leaves out the request to the app's public URL at the end of a deployment, for a server
            whose web ports this computer cannot reach.""",
    )

    @property
    def uses_agent(self) -> bool:
        """Whether keys of the user's SSH agent are needed."""
        return not self.private_key

    @property
    def manages_firewall(self) -> bool:
        """Whether Launchpad sets up the server's firewall."""
        return self.firewall == "on"

    @property
    def jump_login(self) -> str:
        """The user at the jump host."""
        return self.jump_user or self.user

    @property
    def public_address(self) -> str:
        """Where visitors find the app."""
        return self.address or self.host


def host_given(settings: Settings) -> Iterator[str]:
    """server.host is set."""
    if not settings.of(ServerKeys).host:
        yield f"{NAMESPACE}:server.host is empty; it must be the name or address of your server, such as 203.0.113.7"


def host_key_given(settings: Settings) -> Iterator[str]:
    """server.host_key is set."""
    keys = settings.of(ServerKeys)
    if keys.host and not keys.host_key:
        yield (
            f"{NAMESPACE}:server.host_key is empty; it must be the server's public host key. To fetch it, compare its "
            f"fingerprint and set it: launchpad trust {keys.host}"
        )


def jump_host_given(settings: Settings) -> Iterator[str]:
    """server.jump_user, server.jump_host_key and server.jump_private_key are set only with a server.jump_host."""
    keys = settings.of(ServerKeys)
    if not keys.jump_host:
        for name in JUMP_KEYS:
            if getattr(keys, name):
                yield (
                    f"{NAMESPACE}:server.{name} is set but {NAMESPACE}:server.jump_host is empty; set the jump host, "
                    f"or remove the key: pulumi config rm {NAMESPACE}:server.{name}"
                )


def jump_host_key_given(settings: Settings) -> Iterator[str]:
    """server.jump_host_key is set for a server.jump_host."""
    keys = settings.of(ServerKeys)
    if keys.jump_host and not keys.jump_host_key:
        yield (
            f"{NAMESPACE}:server.jump_host_key is empty; it must be the public host key of {keys.jump_host}. To fetch "
            f"it, compare its fingerprint and set it: launchpad trust {keys.host or 'HOST'}"
        )


def no_firewall(settings: Settings) -> Iterator[str]:
    """ssh_cidrs, ssh_from_anywhere, web_cidrs and rules are set only where server.firewall is on."""
    if settings.of(ServerKeys).manages_firewall:
        return
    unset = Settings()
    for name in FIREWALL_KEYS:
        if getattr(settings, name) != getattr(unset, name):
            yield (
                f"{NAMESPACE}:{name} is set, but {NAMESPACE}:server.firewall is off: set it to on; or set up the "
                f"server's own firewall or its provider's, and remove the key: pulumi config rm {NAMESPACE}:{name}"
            )


def data_kept_once(settings: Settings) -> Iterator[str]:
    """delete_data is not true for an app while on_destroy is keep: a destroy takes each app off the server."""
    for app in settings.each_app if settings.on_destroy == "keep" else ():
        if app.delete_data:
            where = f"apps.{app.app}.delete_data" if "delete_data" in settings.apps.get(app.app, {}) else "delete_data"
            yield (
                f"{NAMESPACE}:on_destroy is keep, but {NAMESPACE}:{where} is true, so a destroy would delete the data "
                f"of {app.app}; remove one of them"
            )


CHECKS = (host_given, host_key_given, jump_host_given, jump_host_key_given, no_firewall, data_kept_once)
LATER = (host_key_given, jump_host_key_given)
