"""One app at the proxy: its ports, its domain, its limits; and whether several go together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields

from infra.agent.system.files import Json
from infra.protocol.specs import Limits
from infra.protocol.visitors import NO_HSTS, Passwords


@dataclass(frozen=True)
class Site:
    """How the proxy serves one app. ``prepare`` records it on the machine, because one Caddyfile serves all apps.

    Attributes:
        app: The app's name.
        blue: The loopback port of that slot.
        green: The same.
        http_port: The public port for HTTP.
        domain: The public domain, with HTTPS; None for HTTP alone.
        aliases: More host names, which redirect to the domain.
        trusted_proxies: The networks whose X-Forwarded headers are believed.
        own_certificate: Whether the certificate is given, and not made by ACME.
        acme_ca: The URL of an ACME server; empty for Caddy's default ones.
        acme_root: Whether that server has a root certificate of its own.
        certificates: The folder of the app's certificate files (see certificates.py); empty if there are none.
        hsts: Seconds for which browsers insist on HTTPS; ``NO_HSTS`` for no header.
        basic_auth: Users and the hashes of their passwords; empty for a site that everybody may see.
        limits: Sizes and times that requests may take.
        owner: The stack that the app is of (see ownership.py); nothing that the proxy needs.
    """

    app: str
    blue: int
    green: int
    http_port: int = 80
    domain: str | None = None
    aliases: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    own_certificate: bool = False
    acme_ca: str = ""
    acme_root: bool = False
    certificates: str = ""
    hsts: int = NO_HSTS
    basic_auth: Passwords = field(default=(), repr=False)
    limits: Limits = field(default_factory=Limits)
    owner: str = ""

    def port(self, slot: str) -> int:
        """The loopback port of a slot."""
        return self.green if slot == "green" else self.blue

    @property
    def places(self) -> list[str]:
        """Where visitors reach the app, in words; each place is one app's."""
        if not self.domain:
            return [f"port {self.http_port} without a domain"]
        return [f"the domain {name}" for name in (self.domain, *self.aliases)]

    def as_data(self) -> Json:
        """Plain values for app.json."""
        return asdict(self)

    @classmethod
    def from_data(cls, data: Json) -> Site:
        """A site from plain values, as ``as_data`` makes them; keys of another version are passed over."""
        limits = Limits(**_known(Limits, data.get("limits", {})))
        lists: dict[str, tuple[object, ...]] = {
            name: tuple(data.get(name, ())) for name in ("aliases", "trusted_proxies")
        }
        lists["basic_auth"] = tuple((user, hashed) for user, hashed in data.get("basic_auth", ()))
        return cls(**{**_known(cls, data), **lists, "limits": limits})


def _known(kind: type[Site | Limits], data: Json) -> Json:
    """The values of those keys that a class has."""
    names = {item.name for item in fields(kind)}
    return {name: value for name, value in data.items() if name in names}


def conflicts(sites: Sequence[Site]) -> list[str]:
    """Why one proxy cannot serve these sites, a line for each mistake."""
    mistakes = []
    taken: dict[str, str] = {}
    for site in sorted(sites, key=lambda site: site.app):
        for place in site.places:
            if place in taken:
                mistakes.append(
                    f"both {taken[place]} and {site.app} want {place}; give one of them another http_port or a domain. "
                    "An app that was renamed keeps both until the end of the up that takes it off the machine"
                )
            taken[place] = site.app
    if len({site.http_port for site in sites if site.domain}) > 1:
        mistakes.append("apps with domains have to share one http_port")
    return mistakes
