"""What is written down about how a process starts: its command, directory and environment."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import files, procfile, slots, systemd
from .layout import App
from .spec import DeploySpec

MOST_FORMER = 200
"""Former values of secrets that are remembered."""


@dataclass(frozen=True)
class Tree:
    """The directories of a built release."""

    release: str
    revision: str
    root: Path
    virtualenv: Path


def environment(app: App, spec: DeploySpec, tree: Tree) -> dict[str, str]:
    """What every process of a release gets, hooks and the ``release:`` process too."""
    return {
        "PATH": f"{tree.virtualenv}/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": str(tree.virtualenv),
        "HOME": str(app.data),
        "USER": app.user,
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        **dict(spec.env),
        **dict(spec.secrets),
        "DATA_DIR": str(app.data),
        "LAUNCHPAD_APP": app.name,
        "LAUNCHPAD_RELEASE": tree.release,
        "LAUNCHPAD_REVISION": tree.revision,
    }


def web_environment(base: dict[str, str], port: int) -> dict[str, str]:
    """What the web process gets on top: where to listen, also in the words of the usual servers.

    gunicorn by itself binds 0.0.0.0:$PORT, and the defaults of Flask, uvicorn, Streamlit and Gradio ignore $PORT;
    said in their own variables, a plain ``gunicorn app:app`` or ``uvicorn app:app`` listens on loopback only. Command
    line options still win.
    """
    bind = f"--bind=127.0.0.1:{port}"
    given = base.get("GUNICORN_CMD_ARGS", "")
    listens = "--bind" in given or "-b" in given.split()
    return {
        "UVICORN_HOST": "127.0.0.1",
        "UVICORN_PORT": str(port),
        "FLASK_RUN_HOST": "127.0.0.1",
        "FLASK_RUN_PORT": str(port),
        "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
        "STREAMLIT_SERVER_PORT": str(port),
        "STREAMLIT_SERVER_HEADLESS": "true",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        **base,
        "GUNICORN_CMD_ARGS": given if listens else f"{bind} {given}".strip(),
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }


def describe(command: str, tree: Tree, env: dict[str, str], secrets: tuple[str, ...]) -> dict[str, Any]:
    """The launch file of one process: all that decides how it runs, so that equal files mean nothing to restart."""
    return {
        "argv": procfile.shell(command),
        "command": command,
        "cwd": str(tree.root),
        "env": env,
        "release": tree.release,
        "revision": tree.revision,
        "secrets": sorted(secrets),
    }


def text(launch: dict[str, Any]) -> str:
    """A launch file's content."""
    return json.dumps(launch, indent=1, sort_keys=True) + "\n"


def digest(launch: dict[str, Any]) -> str:
    """A short fingerprint of a launch file's environment; tells a changed setting without telling its value."""
    return hashlib.sha256(json.dumps(launch["env"], sort_keys=True).encode()).hexdigest()[:12]


def write(app: App, instance: str, launch: dict[str, Any]) -> None:
    """Write down how a process starts the next time."""
    files.directory(app.launches, 0o700)
    _keep_former(app, files.read_json(app.launch(instance)) or {}, launch)
    files.write(app.launch(instance), text(launch), 0o600)


def _keep_former(app: App, before: dict[str, Any], launch: dict[str, Any]) -> None:
    """Note down the values that secrets lose now, so that they stay hidden in the log of the time before."""
    lost = set(_secrets(before)) - set(_secrets(launch))
    known = former_secrets(app)
    if not lost <= set(known):
        files.write_json(app.former_secrets, {"values": [*known, *sorted(lost - set(known))][-MOST_FORMER:]})


def started(app: App, instance: str) -> dict[str, Any] | None:
    """What the running process was started with, or None where it does not run.

    systemd keeps a copy of the credential as long as the unit runs: exact even if we were killed between writing a
    launch file and starting the process.
    """
    if not systemd.running(app.unit(instance)):
        return None
    return files.read_json(Path("/run/credentials") / app.unit(instance) / "launch")


def serving(app: App) -> dict[str, Any]:
    """What the slot that serves was started with, also while its process is down; empty before the first release."""
    slot = slots.serving(app)
    return (started(app, slot) or files.read_json(app.launch(slot)) or {}) if slot else {}


def runs(app: App, instance: str, launch: dict[str, Any]) -> bool:
    """Whether a process runs with this launch, or systemd is about to start it with this again after it ended."""
    if systemd.state(app.unit(instance))["ActiveState"] == "activating":
        return files.read_json(app.launch(instance)) == launch
    return started(app, instance) == launch


def running(app: App) -> list[dict[str, Any]]:
    """What every process that runs, or is just stopping, was started with; the serving slot's also while it is down."""
    kept = sorted(Path("/run/credentials").glob(f"{app.name}@*.service/launch"))
    found = [*(files.read_json(path) for path in kept), serving(app)]
    return [launch for launch in found if launch]


def secret_values(app: App) -> list[str]:
    """The values of all secrets that any process of the app was ever given, for hiding them in output."""
    values = former_secrets(app)
    for path in sorted(app.launches.glob("*.json")) if app.launches.is_dir() else []:
        values += _secrets(files.read_json(path) or {})
    return values


def former_secrets(app: App) -> list[str]:
    """The values that secrets of the app had before, the newest last."""
    values = (files.read_json(app.former_secrets) or {}).get("values", [])
    return [value for value in values if isinstance(value, str)] if isinstance(values, list) else []


def _secrets(launch: dict[str, Any]) -> list[str]:
    return [launch.get("env", {}).get(name, "") for name in launch.get("secrets", [])]
