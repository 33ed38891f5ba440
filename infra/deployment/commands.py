"""What is run on the machine and what it is told: short command lines, and the specs that go in by standard input.

All pure. Values that may be secret travel in the specs, never in a command line.
"""

from __future__ import annotations

import json
import re
from typing import Any

from infra.deployment.printable import one_line
from infra.deployment.repository import Repository, Revision
from infra.settings import Settings

SCHEMA = 1
PROGRAM = "launchpad-host.pyz"
"""The host program's name in the home of the SSH user; ``prepare`` installs it from there."""

RELEASE = re.compile(r"[0-9a-f]{12}(-[0-9]+)?")
"""How the machine names a release: by its revision, with a number where that is built more than once."""

REACH = (
    "(while sleep 2.5 </dev/null >/dev/null 2>&1; do echo 'the machine is still starting' >&2; done) & ticker=$!; "
    "if command -v cloud-init >/dev/null; then cloud-init status --wait >/dev/null; fi; "
    "command -v python3 >/dev/null || (sudo apt-get update && sudo apt-get install -y python3) >/dev/null; "
    "code=$?; kill $ticker; exit $code"
)
"""First words to a machine: wait until cloud-init is done, and see that there is a Python for the host program."""

PREPARE = f"sudo python3 {PROGRAM} prepare"


def deploy(app: str, revision: str) -> str:
    """Build and release one revision; the host program finds out what of that is still to be done."""
    return f"sudo launchpad-host deploy --app {app} --revision {revision}"


def release(said: str, revision: str) -> str:
    """The release's name in what ``deploy`` printed, or the one that a revision's first release has.

    What an earlier deployment printed lies in the stack's state and is read at every preview: whatever it is (a version
    of ours once masked secrets in the middle of it), it must not keep the stack from being previewed and mended.
    """
    try:
        name = json.loads(said)["release"]
    except (ValueError, KeyError, TypeError):
        name = None
    return name if isinstance(name, str) and RELEASE.fullmatch(name) else revision[:12]


def warnings(said: str) -> list[str]:
    """What ``deploy`` warned of, such as a worker that keeps ending, in what it printed."""
    try:
        told = json.loads(said).get("warnings", [])
    except (ValueError, AttributeError):
        return []
    texts = [text for text in told if isinstance(text, str)] if isinstance(told, list) else []
    return ["\n  ".join(one_line(line) for line in text.split("\n")) for text in texts]


def tls(settings: Settings) -> dict[str, str] | None:
    """How the proxy gets its certificate: an own one, another ACME server, or None for the proxy's default."""
    if settings.tls_certificate:
        return {"certificate": settings.tls_certificate, "key": settings.tls_key}
    if settings.acme_ca:
        return {"acme_ca": settings.acme_ca, "acme_root": settings.acme_root}
    return None


def prepare_spec(settings: Settings, program: str) -> str:
    """What ``prepare`` is told; ``program`` is the host program's digest, so that a new program runs it again."""
    return _spec(
        program=program,
        app=settings.app,
        http_port=settings.http_port,
        domain=settings.domain or None,
        tls=tls(settings),
        packages=list(settings.packages),
        package_index=settings.package_index or None,
        lock_timeout=settings.lock_timeout,
        limits={"request_body": settings.request_body_limit, "request_timeout": settings.request_timeout},
    )


def deploy_spec(settings: Settings, repository: Repository, revision: Revision, address: str, program: str) -> str:
    """What ``deploy`` is told besides the revision: where the source is, and how the app is run and checked.

    ``program`` is the host program's digest: a new program starts the release anew where it shuts it in differently.
    """
    return _spec(
        program=program,
        app=settings.app,
        repository=_source(settings, repository),
        ref=revision.name,
        directory=repository.directory,
        command=settings.command or None,
        python=settings.python or None,
        env=settings.env,
        secrets=settings.secrets,
        health={
            "path": settings.health_path,
            "status": settings.health_status,
            "timeout": settings.health_timeout,
            "host": settings.domain or address,
        },
        drain_timeout=settings.drain_timeout,
        keep_releases=settings.keep_releases,
        lock_timeout=settings.lock_timeout,
        package_index=settings.package_index or None,
        allow_missing=list(settings.allow_missing),
        rebuild=settings.rebuild,
        metadata_access=settings.metadata_access,
    )


def _source(settings: Settings, repository: Repository) -> dict[str, Any]:
    if repository.path is not None:
        return {"kind": "pushed"}
    return {
        "kind": "url",
        "url": repository.url,
        "deploy_key": settings.deploy_key or None,
        "known_hosts": settings.known_hosts or None,
    }


def _spec(**fields: Any) -> str:
    return json.dumps({"schema": SCHEMA, **fields}, sort_keys=True)


def longest(settings: Settings) -> int:
    """Seconds that a step on the machine may take in all: the sum of what its parts are allowed by the host program."""
    fetch, build, release, hooks, prepare = 3 * 900, 1800, 600, 3 * 600, 1800
    waiting = settings.lock_timeout + settings.health_timeout + settings.drain_timeout
    return waiting + max(prepare, fetch + build + release + hooks)


def url(settings: Settings, address: str) -> str:
    """The app's public address as a person types it."""
    if settings.domain:
        return f"https://{settings.domain}/"
    return f"http://{address}/" if settings.http_port == 80 else f"http://{address}:{settings.http_port}/"


def health_url(settings: Settings, address: str) -> str:
    """What the health check asks for, through the public door."""
    return url(settings, address).rstrip("/") + settings.health_path
