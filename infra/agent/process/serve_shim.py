"""Serves an app that no server program can serve unchanged, on ``$HOST:$PORT``.

Programs of aiohttp and Tornado, and many a small one, name a port of their own. They run here as they are, as the
program, and the first port that they listen on becomes ``$PORT``. For gunicorn, ``attribute`` gets an app that is an
attribute of an object.

This file is installed on its own (see ``paths.SERVE``), runs in the app's virtualenv as the app's user, and imports
nothing but the standard library and the app's framework.
"""

import functools
import importlib
import os
import runpy
import socket
import sys
from collections.abc import Callable
from typing import Any

HOST = os.environ.get("HOST", "127.0.0.1")
PORT = int(os.environ.get("PORT") or 8000)


def main(words: list[str]) -> None:
    """Run the program that the command line names: [--FRAMEWORK] FILE or -m MODULE, with its arguments."""
    if words[:1] and words[0] in ADAPTERS:
        ADAPTERS[words[0]]()
        words = words[1:]
    redirect()
    if words[0] == "-m":
        sys.path[0] = os.getcwd()  # noqa: PTH109
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(words[0]))  # noqa: PTH100, PTH120
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")


def redirect() -> None:
    """Have the first port that this process listens on be $PORT; its other ports stay as they are."""
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # binds without Python's sockets; whoever misses it uses asyncio's loop
    wanted: list[int] = []
    plain = socket.socket.bind

    def bind(self: socket.socket, address: Any) -> None:
        """Bind to $HOST:$PORT instead of the address that the program names."""
        if is_public(self, address) and wanted[:1] in ([], [address[1]]):
            wanted[:] = [address[1]]
            address = (HOST, PORT) if self.family == socket.AF_INET else ("::1", PORT, *address[2:])
        plain(self, address)

    socket.socket.bind = bind  # type: ignore[assignment, method-assign]


def is_public(bound: socket.socket, address: Any) -> bool:
    """Whether a socket gets a port by its number, and takes connections."""
    family = bound.family in (socket.AF_INET, socket.AF_INET6)
    return family and bound.type == socket.SOCK_STREAM and isinstance(address, tuple) and address[1] != 0


def nicegui() -> None:
    """Have NiceGUI listen on $HOST:$PORT, and neither watch the files nor open a browser."""
    ui: Any = importlib.import_module("nicegui.ui")
    ui.run = with_settings(ui.run, host=HOST, port=PORT, reload=False, show=False)


def tornado() -> None:
    """Have Tornado's server take the address and the scheme of a request from the proxy, which alone can reach it."""
    server = importlib.import_module("tornado.httpserver").HTTPServer
    server.initialize = with_settings(server.initialize, xheaders=True)


def with_settings(function: Callable[..., Any], **settings: object) -> Callable[..., Any]:
    """Wrap a function so that it gets these arguments, whatever its caller says."""

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **{**kwargs, **settings})

    return wrapped


def attribute(where: str) -> Any:
    """Import an app that is an attribute of an object, such as ``app:app.server``."""
    module, _, names = where.partition(":")
    return functools.reduce(getattr, names.split("."), importlib.import_module(module))


ADAPTERS = {"--nicegui": nicegui, "--tornado": tornado}

if __name__ == "__main__":
    main(sys.argv[1:])
