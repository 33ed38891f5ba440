"""What the desk asks for: the specifications of ``prepare`` and ``deploy``, checked before anything is done."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from . import procfile
from .reading import Reader, kind

APP = r"[a-z][a-z0-9-]{0,23}"
APP_WORDS = "a lower-case letter, then letters, digits and hyphens, at most 24 characters"
DOMAIN = r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
HTTP_URL = r"https?://[^\s\"'`{}\\\x00-\x20\x7f-\U0010ffff]+"
ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
OURS = ("PORT", "HOST", "DATA_DIR", "PATH", "VIRTUAL_ENV", "CREDENTIALS_DIRECTORY")
"""Variables that Launchpad sets itself; so are all that begin with LAUNCHPAD_."""
LONGEST_VARIABLE = 131_000
"""Bytes of a variable with its name: Linux starts no program with one of 128 KiB. infra/variables.py has the same."""
MOST_VARIABLES = 400_000
"""Bytes of all variables, as JSON: systemd hands over at most 1 MiB, for ``env`` and ``secrets`` together."""


@dataclass(frozen=True)
class Limits:
    """Limits of the proxy. Sizes in bytes, times in seconds; a time of 0 means no limit."""

    request_body: int = 10_000_000
    header: int = 16_000
    read_header: float = 10
    read_body: float = 0
    write: float = 0
    idle: float = 300
    response: float = 60


@dataclass(frozen=True)
class Tls:
    """Where certificates come from. All empty: Caddy's default public ACME servers."""

    certificate: str = ""
    key: str = ""
    acme_ca: str = ""
    acme_root: str = ""
    email: str = ""


@dataclass(frozen=True)
class PrepareSpec:
    """What the machine needs for one app."""

    app: str
    http_port: int = 80
    https_port: int = 443
    domain: str | None = None
    tls: Tls = Tls()
    packages: tuple[str, ...] = ()
    limits: Limits = Limits()
    package_index: str | None = None
    lock_timeout: float = 300


@dataclass(frozen=True)
class Source:
    """Where commits come from: pushed into the machine's bare clone by the desk, or fetched by the machine."""

    kind: str
    url: str = ""
    deploy_key: str = ""
    known_hosts: str = ""


@dataclass(frozen=True)
class Health:
    """When a release counts as healthy. Times in seconds."""

    path: str = "/"
    status: tuple[tuple[int, int], ...] = ((200, 399),)
    timeout: float = 60
    interval: float = 0.1
    request_timeout: float = 5
    settle: float = 0.5
    host: str | None = None

    def accepts(self, status: int) -> bool:
        """Whether an answer with this status is a healthy one."""
        return any(low <= status <= high for low, high in self.status)

    def expected(self) -> str:
        """The accepted status codes in words."""
        return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in self.status)


@dataclass(frozen=True)
class DeploySpec:
    """One deployment: which commit, and how it is to run."""

    app: str
    source: Source
    ref: str = ""
    directory: str = ""
    command: str | None = None
    python: str | None = None
    env: tuple[tuple[str, str], ...] = ()
    secrets: tuple[tuple[str, str], ...] = ()
    health: Health = Health()
    drain_timeout: float = 30
    stop_timeout: float = 30
    build_timeout: float = 1800
    release_timeout: float = 600
    keep_releases: int = 5
    lock_timeout: float = 300
    who: str = ""
    package_index: str | None = None
    allow_missing: tuple[str, ...] = ()
    rebuild: str = ""
    metadata_access: bool = False


def prepare_spec(value: Any) -> PrepareSpec:
    """Check a prepare specification; all mistakes in one Failure."""
    reader = Reader(value)
    _schema(reader)
    spec = PrepareSpec(
        app=reader.text("app", None, APP, APP_WORDS),
        http_port=reader.whole("http_port", 80, 1, 65535),
        https_port=reader.whole("https_port", 443, 1, 65535),
        domain=reader.maybe("domain", DOMAIN, "a lower-case domain name such as example.org"),
        tls=_tls(reader.inner("tls")),
        packages=reader.names("packages", r"[a-z0-9][a-z0-9+.-]+", "names of Debian packages, such as libpq5"),
        limits=_limits(reader.inner("limits")),
        package_index=reader.maybe("package_index", HTTP_URL, "an http or https URL"),
        lock_timeout=reader.number("lock_timeout", 300, 0, 86400),
    )
    if spec.http_port == 443:
        reader.mistake("http_port", "is 443, which is for HTTPS; that comes with a domain")
    if spec.http_port == 22:
        reader.mistake("http_port", "is 22, which is for SSH")
    if 20001 <= spec.http_port <= 29999:
        reader.mistake("http_port", f"is {spec.http_port}; 20001 to 29999 are for the releases on this machine")
    if spec.https_port == 80:
        reader.mistake("https_port", "is 80, which is for plain HTTP")
    if spec.tls != Tls() and not spec.domain:
        reader.mistake("tls", "needs a domain")
    reader.raw("program")  # the desk's own mark, by which it runs us again when the program changes
    reader.unknown()
    reader.finish("The prepare specification")
    return spec


def deploy_spec(value: Any) -> DeploySpec:
    """Check a deploy specification; all mistakes in one Failure."""
    reader = Reader(value)
    _schema(reader)
    spec = DeploySpec(
        app=reader.text("app", None, APP, APP_WORDS),
        source=_source(reader.inner("repository")),
        ref=reader.text("ref", ""),
        directory=_directory(reader),
        command=_command(reader),
        python=reader.maybe("python", r"[A-Za-z0-9.,<>=!~*+@-]+", 'a version such as "3.13"'),
        env=_variables(reader, "env", secret=False),
        secrets=_variables(reader, "secrets", secret=True),
        health=_health(reader.inner("health")),
        drain_timeout=reader.number("drain_timeout", 30, 0, 3600),
        stop_timeout=reader.number("stop_timeout", 30, 1, 3600),
        build_timeout=reader.number("build_timeout", 1800, 1, 86400),
        release_timeout=reader.number("release_timeout", 600, 1, 86400),
        keep_releases=reader.whole("keep_releases", 5, 1, 100),
        lock_timeout=reader.number("lock_timeout", 300, 0, 86400),
        who=reader.text("who", ""),
        package_index=reader.maybe("package_index", HTTP_URL, "an http or https URL"),
        rebuild=reader.text("rebuild", ""),
        metadata_access=reader.flag("metadata_access", default=False),
        allow_missing=reader.names("allow_missing", "lfs|submodules", "lfs, submodules"),
    )
    for name in sorted({name for name, _ in spec.env} & {name for name, _ in spec.secrets}):
        reader.mistake(f"secrets.{name}", "is also in env; keep one of the two")
    reader.raw("program")  # the desk's own mark, as above
    reader.unknown()
    reader.finish("The deploy specification")
    return spec


def _schema(reader: Reader) -> None:
    if reader.raw("schema") != 1:
        reader.mistake("schema", f"is {reader.raw('schema')!r}; this program knows schema 1")


def _tls(reader: Reader) -> Tls:
    tls = Tls(
        certificate=reader.text("certificate", ""),
        key=reader.text("key", "", secret=True),
        acme_ca=reader.text("acme_ca", "", f"({HTTP_URL})?", "an http or https URL"),
        acme_root=reader.text("acme_root", ""),
        email=reader.text("email", "", r"([^\s@{}\"]+@[^\s@{}\"]+)?", "an e-mail address"),
    )
    if bool(tls.certificate) != bool(tls.key):
        reader.mistake("", "certificate and key belong together; one of them is missing")
    if tls.certificate and tls.acme_ca:
        reader.mistake("", "has both a certificate and acme_ca; keep one of the two")
    for key in ("certificate", "acme_root"):
        if getattr(tls, key) and "-----BEGIN CERTIFICATE-----" not in getattr(tls, key):
            reader.mistake(key, "is not a certificate in PEM form")
    if tls.key and "PRIVATE KEY-----" not in tls.key:
        reader.mistake("key", "is not a private key in PEM form")
    reader.unknown()
    return tls


def _limits(reader: Reader) -> Limits:
    times = reader.inner("timeouts")
    limits = Limits(
        request_body=reader.size("request_body", "10MB"),
        header=reader.size("header", "16KB", 1000),
        read_header=times.number("read_header", 10, 0, 3600),
        read_body=times.number("read_body", 0, 0, 86400),
        write=times.number("write", 0, 0, 86400),
        idle=times.number("idle", 300, 1, 86400),
        response=reader.number("request_timeout", times.number("response", 60, 0, 86400), 0, 86400),
    )
    times.unknown()
    reader.unknown()
    return limits


def _source(reader: Reader) -> Source:
    kind_ = reader.text("kind", None, "pushed|url", "pushed, url")
    source = Source(
        kind=kind_,
        url=reader.maybe("url", r"[^-\s][^\s]*", "a URL such as https://..., ssh://... or git@host:path") or "",
        deploy_key=reader.maybe("deploy_key", secret=True) or "",
        known_hosts=reader.maybe("known_hosts") or "",
    )
    if kind_ == "url" and not source.url:
        reader.mistake("url", "is missing")
    if source.deploy_key and "PRIVATE KEY-----" not in source.deploy_key:
        reader.mistake("deploy_key", "is not a private key")
    reader.unknown()
    return source


def _command(reader: Reader) -> str | None:
    command = reader.maybe("command")
    if command and (reason := procfile.unusable(command)):
        reader.mistake("command", reason)
    return command


def _directory(reader: Reader) -> str:
    value = reader.text("directory", "").strip("/")
    if value == ".":
        return ""
    if any(part in ("", ".", "..", ".git") for part in value.split("/")) and value:
        reader.mistake("directory", f"is {value!r}; allowed: a path inside the repository")
        return ""
    return value


def _variables(reader: Reader, key: str, *, secret: bool) -> tuple[tuple[str, str], ...]:
    value = reader.raw(key)
    if value is None:
        return ()
    if not isinstance(value, dict):
        reader.mistake(key, f"must be an object of names and values, not {kind(value)}")
        return ()
    for name, text in value.items():
        if not ENV_NAME.fullmatch(name):
            reader.mistake(f"{key}.{name}", "is not a name of a variable; allowed: letters, digits and _")
        elif name in OURS or name.startswith("LAUNCHPAD_"):
            reader.mistake(f"{key}.{name}", "is set by Launchpad and cannot be given")
        if not isinstance(text, str):
            shown = "" if secret else f" ({text!r})"
            reader.mistake(f"{key}.{name}", f"must be text, not {kind(text)}{shown}; put it in quotes")
        elif "\0" in text:
            reader.mistake(f"{key}.{name}", "contains a zero byte, which no variable can carry")
        elif any("\ud800" <= letter <= "\udfff" for letter in text):
            reader.mistake(f"{key}.{name}", "contains half a surrogate pair, which is no character")
        elif len(f"{name}={text}".encode()) > LONGEST_VARIABLE:
            reader.mistake(f"{key}.{name}", f"is longer than {LONGEST_VARIABLE} bytes, which Linux does not take")
    if len(json.dumps(value)) > MOST_VARIABLES:
        reader.mistake(key, f"is more than {MOST_VARIABLES} bytes in all, which systemd does not carry")
    return tuple(sorted((name, text) for name, text in value.items() if isinstance(text, str)))


def _health(reader: Reader) -> Health:
    health = Health(
        path=reader.text("path", "/", r"/[^\s]*", "a path that begins with /"),
        status=_status(reader),
        timeout=reader.number("timeout", 60, 0.1, 3600),
        interval=reader.number("interval", 0.1, 0.01, 60),
        request_timeout=reader.number("request_timeout", 5, 0.1, 600),
        settle=reader.number("settle", 0.5, 0, 600),
        host=reader.maybe("host", r"[A-Za-z0-9.:\[\]-]+", "a host name"),
    )
    reader.unknown()
    return health


def _status(reader: Reader) -> tuple[tuple[int, int], ...]:
    value = reader.raw("status")
    if value is None:
        return Health.status
    ranges = []
    for item in value if isinstance(value, list) else str(value).split(","):
        match = re.fullmatch(r"\s*([1-5]\d\d)\s*(?:-\s*([1-5]\d\d)\s*)?", str(item))
        if not match or int(match[1]) > int(match[2] or match[1]):
            reader.mistake("status", f'contains {item!r}; allowed: codes such as 200 and ranges such as "200-399"')
        else:
            ranges.append((int(match[1]), int(match[2] or match[1])))
    if not ranges and value in ([], ""):
        reader.mistake("status", "is empty; name at least one code")
    return tuple(ranges) or Health.status
