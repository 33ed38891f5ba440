"""The variables that the processes of a release get. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from infra.agent.system.layout import TOOLS, App
from infra.protocol import database, paths
from infra.protocol.specs import DeploySpec

LOOPBACK = "127.0.0.1"
LISTEN = (
    *("UVICORN_HOST", "UVICORN_PORT", "FLASK_RUN_HOST", "FLASK_RUN_PORT", "QUART_RUN_HOST", "QUART_RUN_PORT"),
    *("GRANIAN_HOST", "GRANIAN_PORT", "LITESTAR_HOST", "LITESTAR_PORT", "ROBYN_HOST", "ROBYN_PORT"),
    *("STREAMLIT_SERVER_ADDRESS", "STREAMLIT_SERVER_PORT", "GRADIO_SERVER_NAME", "GRADIO_SERVER_PORT"),
    *("CHAINLIT_HOST", "CHAINLIT_PORT"),
)
"""The variables in which servers that ignore $PORT look for their address and port."""
REFERENCE = re.compile(
    r"\$(?P<escaped>\$?)(?:(?P<plain>[A-Za-z_][A-Za-z0-9_]*)|\{(?P<braced>[A-Za-z_][A-Za-z0-9_]*)\})"
)
"""A variable in a value of ``env``."""


@dataclass(frozen=True)
class Tree:
    """The directories of a built release."""

    release: str
    revision: str
    root: Path
    virtualenv: Path


def release(
    app: App, spec: DeploySpec, tree: Tree, framework: Mapping[str, str] | None = None, port: int = 0
) -> dict[str, str]:
    """The variables of every process of a release, of hooks and of the ``release:`` process.

    Args:
        app: The app.
        spec: The settings.
        tree: The release.
        framework: What its framework needs; the app's own variables win.
        port: Where the web process listens; 0 for every other process.
    """
    of_database = database.variables(app.name, spec.database) if spec.database.engine else {}
    planned = framework or {}
    if spec.database.engine == database.RDS:
        # The plan may be older than the server, and names its address by variables.
        planned = {name: expand(value, of_database) for name, value in planned.items()}
    ours = {
        "DATA_DIR": str(app.data),
        "LAUNCHPAD_APP": app.name,
        "LAUNCHPAD_RELEASE": tree.release,
        "LAUNCHPAD_REVISION": tree.revision,
        **_address(spec),
        # With the driver in the URL that the plan names, for SQLAlchemy.
        **{name: planned.get(name, value) for name, value in of_database.items()},
    }
    known = {**ours, "HOST": LOOPBACK, **({"PORT": str(port)} if port else {})}
    return {
        "PATH": f"{tree.virtualenv}/bin:{TOOLS}:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(tree.virtualenv),
        "HOME": str(app.data),
        "USER": app.user,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **({"REDIS_URL": f"unix://{paths.cache_socket(app.name)}"} if spec.uses_cache else {}),
        **planned,
        **{name: expand(value, known) for name, value in spec.env},
        **dict(spec.secrets),
        **ours,
    }


def expand(value: str, known: Mapping[str, str]) -> str:
    """A value with ``$NAME`` and ``${NAME}`` replaced where Launchpad sets that variable; any other ``$`` stays.

    Args:
        value: What the settings say. ``$$NAME`` stands for ``$NAME`` itself.
        known: The variables that are replaced.
    """

    def replace(match: re.Match[str]) -> str:
        name = match["plain"] or match["braced"]
        if name not in known:
            return match[0]
        return match[0][1:] if match["escaped"] else known[name]

    return REFERENCE.sub(replace, value)


def _address(spec: DeploySpec) -> dict[str, str]:
    """Where visitors reach the app: its URL, and the host in it, for settings such as Django's ALLOWED_HOSTS."""
    url = spec.url or (f"https://{spec.domain}/" if spec.domain else "")
    host = urlsplit(url).hostname or spec.health.host
    found = {"LAUNCHPAD_URL": url, "LAUNCHPAD_DOMAIN": host}
    return {name: value for name, value in found.items() if value}


def web(base: dict[str, str], port: int, workers: int) -> dict[str, str]:
    """The variables of the web process: also where to listen, in the variables of the usual servers.

    gunicorn by itself binds 0.0.0.0:$PORT, and the defaults of Flask, uvicorn, Streamlit and others ignore $PORT. With
    their own variables set, a plain ``gunicorn app:app`` or ``uvicorn app:app`` listens on loopback only. Options on
    the command line still win. Bokeh and Panel refuse websockets of a page from a host that they are not told.

    Args:
        base: What every process of the release gets.
        port: The port of the slot.
        workers: How many workers its server starts, unless the settings say so.
    """
    bind = f"--bind={LOOPBACK}:{port}"
    options = base.get("GUNICORN_CMD_ARGS", "")
    binds = "--bind" in options or "-b" in options.split()
    listen = {name: LOOPBACK if name.endswith(("HOST", "ADDRESS", "NAME")) else str(port) for name in LISTEN}
    visited = urlsplit(base.get("LAUNCHPAD_URL", "")).netloc
    return {
        **listen,
        "STREAMLIT_SERVER_HEADLESS": "true",
        "WEB_CONCURRENCY": str(workers),
        **({"BOKEH_ALLOW_WS_ORIGIN": visited} if visited else {}),
        **base,
        "GUNICORN_CMD_ARGS": options if binds else f"{bind} {options}".strip(),
        "HOST": LOOPBACK,
        "PORT": str(port),
    }
