"""The web frameworks: how an app of each is recognized, and which interface it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Interface = Literal["wsgi", "asgi", "own"]
"""What a server program calls it by; ``own``: the framework has a server of its own."""


@dataclass(frozen=True)
class Framework:
    """A framework whose app is an object.

    Attributes:
        name: Its name.
        interface: How its app is served.
        makers: The classes and functions that make an app, by their full names.
    """

    name: str
    interface: Interface
    makers: tuple[str, ...]


@dataclass(frozen=True)
class Program:
    """A framework whose app is a program, which the framework's own command runs, or Python.

    Attributes:
        name: Its name.
        package: What the program imports.
        command: How it is started; ``{path}`` is its file.
        names: The names that its program usually has, the likeliest first.
        method: A method that the program calls; any program with the import if empty.
    """

    name: str
    package: str
    command: str
    names: tuple[str, ...]
    method: str = ""


WSGI = Framework("WSGI", "wsgi", ())
ASGI = Framework("ASGI", "asgi", ())
FLASK = Framework("Flask", "wsgi", ("flask.Flask", "apiflask.APIFlask", "flask_openapi3.OpenAPI"))
QUART = Framework("Quart", "asgi", ("quart.Quart", "quart_trio.QuartTrio"))
DASH = Framework("Dash", "wsgi", ("dash.Dash", "dash_extensions.enrich.DashProxy", "jupyter_dash.JupyterDash"))
PYRAMID = Framework("Pyramid", "wsgi", ("pyramid.config.Configurator.make_wsgi_app",))
TORNADO = Framework("Tornado", "own", ("tornado.web.Application",))
AIOHTTP = Framework("aiohttp", "own", ("aiohttp.web.Application",))

FASTHTML = tuple(
    f"fasthtml.{part}.{name}" for part in ("common", "core", "fastapp") for name in ("FastHTML", "fast_app")
)

FRAMEWORKS = (
    FLASK,
    QUART,
    DASH,
    PYRAMID,
    TORNADO,
    AIOHTTP,
    Framework("FastAPI", "asgi", ("fastapi.FastAPI", "fastapi.applications.FastAPI")),
    Framework("Starlette", "asgi", ("starlette.applications.Starlette",)),
    Framework("Litestar", "asgi", ("litestar.Litestar", "litestar.app.Litestar")),
    Framework("BlackSheep", "asgi", ("blacksheep.Application", "blacksheep.server.Application")),
    Framework("FastHTML", "asgi", FASTHTML),
    Framework("Sanic", "asgi", ("sanic.Sanic", "sanic.app.Sanic")),
    Framework("Falcon", "wsgi", ("falcon.App", "falcon.API")),
    Framework("Falcon", "asgi", ("falcon.asgi.App",)),
    Framework("Bottle", "wsgi", ("bottle.Bottle", "bottle.default_app", "bottle.app")),
    Framework("Connexion", "asgi", ("connexion.FlaskApp", "connexion.App", "connexion.AsyncApp")),
    Framework("Shiny", "asgi", ("shiny.App",)),
    Framework("Socket.IO", "asgi", ("socketio.ASGIApp",)),
    Framework("Socket.IO", "wsgi", ("socketio.WSGIApp",)),
    Framework("web.py", "wsgi", ("web.application.wsgifunc",)),
)

MAKERS = {maker: framework for framework in FRAMEWORKS for maker in framework.makers}
"""Each framework by the full name of what makes its app."""

PROGRAMS = (
    Program(
        "Streamlit",
        "streamlit",
        "streamlit run {path}",
        (
            "streamlit_app.py",
            "app.py",
            "main.py",
            "Home.py",
            "home.py",
            "Hello.py",
            "Main.py",
            "dashboard.py",
            "index.py",
        ),
    ),
    Program("Gradio", "gradio", "python {path}", ("app.py", "main.py", "demo.py", "gradio_app.py", "run.py"), "launch"),
    Program(
        "Chainlit",
        "chainlit",
        "chainlit run {path} --headless --host $HOST --port $PORT",
        ("app.py", "main.py", "chainlit_app.py"),
    ),
)
"""In the order in which they are looked for."""
