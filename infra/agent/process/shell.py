"""Command lines as programs and arguments. Pure."""

from __future__ import annotations


def shell(command: str) -> list[str]:
    """The program and arguments that run a command line as Heroku does: bash, which expands ``$PORT``.

    bash replaces itself with the last command if it can (``gunicorn app``, ``A=1 gunicorn app``, ``cd web && gunicorn
    app``), so that systemd's SIGTERM reaches the app itself. If it stays (``a | b``, ``a 2>&1``), see stop_shim.py.
    """
    return ["/bin/bash", "-c", command]
