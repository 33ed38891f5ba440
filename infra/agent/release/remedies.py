"""What to do about the usual causes of an unhealthy release. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

PORTS = (
    (r"\bstreamlit\b", "streamlit run APP.py --server.port $PORT --server.address $HOST"),
    (r"\bfastapi (run|dev)\b", "fastapi run --host $HOST --port $PORT"),
    (r"\buvicorn\b", "uvicorn MODULE:app --host $HOST --port $PORT"),
    (r"\bhypercorn\b", "hypercorn --bind $HOST:$PORT MODULE:app"),
    (r"\bdaphne\b", "daphne -b $HOST -p $PORT MODULE:application"),
    (r"\bgranian\b", "granian --host $HOST --port $PORT MODULE:app"),
    (r"\bwaitress-serve\b", "waitress-serve --listen=$HOST:$PORT MODULE:app"),
    (
        r"\bgunicorn\b",
        "gunicorn --bind $HOST:$PORT MODULE:app (the option wins over GUNICORN_CMD_ARGS and gunicorn.conf.py)",
    ),
    (r"\bflask\b.* run\b", "flask run --host $HOST --port $PORT"),
    (r"\brunserver\b", "python manage.py runserver $HOST:$PORT, better: gunicorn PROJECT.wsgi"),
    (r"\bshiny run\b", "shiny run --host $HOST --port $PORT APP.py"),
    (r"\bpanel serve\b", "panel serve APP.py --address $HOST --port $PORT"),
    (r"\bbokeh serve\b", "bokeh serve APP.py --address $HOST --port $PORT"),
    (r"\bmarimo run\b", "marimo run APP.py --headless --host $HOST --port $PORT"),
    (r"\bsanic\b", "sanic MODULE:app --host $HOST --port $PORT"),
    (r"-m http\.server\b", "python -m http.server --bind $HOST $PORT"),
    (r"\bgradio\b", 'demo.launch(server_name=os.environ["HOST"], server_port=int(os.environ["PORT"]))'),
)
"""How to give each server its port: what its start command looks like, and what to write."""

LOGGED = (
    (r"\* Running on http", 'app.run(host=os.environ["HOST"], port=int(os.environ["PORT"]))'),
    (r"=+ Running on http", 'web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]))'),
    (r"Uvicorn running on", 'uvicorn.run(app, host=os.environ["HOST"], port=int(os.environ["PORT"]))'),
    (r"NiceGUI ready to go", 'ui.run(host=os.environ["HOST"], port=int(os.environ["PORT"]), show=False, reload=False)'),
    (r"Goin' Fast @", 'app.run(host=os.environ["HOST"], port=int(os.environ["PORT"]))'),
    (r"Running on local URL", 'demo.launch(server_name=os.environ["HOST"], server_port=int(os.environ["PORT"]))'),
)
"""The same for servers that the app's own code starts, recognized by what they log: Flask, aiohttp, uvicorn, NiceGUI,
Sanic, Gradio."""

IMPORT_ERROR = re.compile(r"(ModuleNotFoundError|ImportError|SyntaxError|IndentationError|TabError): .+")

HOSTS_REFUSED = (
    (re.compile(r"Invalid host header"), "TrustedHostMiddleware", "allowed_hosts"),
    (re.compile(r"Host '[^']*' is not trusted"), "Flask", "TRUSTED_HOSTS"),
    (re.compile(r"Invalid HTTP_HOST header|DisallowedHost|Bad Request \(400\)"), "Django", "ALLOWED_HOSTS"),
)
"""How Starlette, Flask and Django (with and without DEBUG) answer a request for a host that they do not serve, and the
setting that says which they do."""


def port(command: str, log: Sequence[str]) -> str:
    """How to make an app listen on $PORT.

    Args:
        command: Its start command.
        log: What it wrote.
    """
    for pattern, text in PORTS:
        if re.search(pattern, command):
            return f"Start it with: {text}"
    for pattern, text in LOGGED:
        if any(re.search(pattern, line) for line in log):
            return f"Take the port from the environment: {text}"
    return 'Have it listen on $HOST:$PORT: $PORT in the start command, or int(os.environ["PORT"]) in the code.'


def refused_host(host: str, text: str) -> str:
    """What to do if an app rejects the host name of the request; empty if ``text`` does not look like that.

    Args:
        host: The host that visitors use.
        text: What the app answered or logged.
    """
    for pattern, framework, setting in HOSTS_REFUSED:
        if pattern.search(text):
            return (
                f'{framework} refuses requests for {host}, the host that visitors use: {setting} = [..., "{host}"], or '
                f'[..., os.environ["LAUNCHPAD_DOMAIN"]]; if it comes from a variable: launchpad:env, $LAUNCHPAD_DOMAIN.'
            )
    return ""


def status(path: str, status: int) -> str:
    """Which keys to change if an app answers its health check with an error status; empty for other statuses.

    Args:
        path: What it is asked for.
        status: What it answered.
    """
    if not 400 <= status < 600:
        return ""
    return (
        f"If {path} is no page that tells the app's health, set launchpad:health_path to one that does; "
        f"if {status} is what a healthy app answers there, add it to launchpad:health_status."
    )


def import_errors(log: Sequence[str]) -> list[str]:
    """The lines of a log that say why code could not be imported."""
    return [line.strip() for line in log if IMPORT_ERROR.fullmatch(line.strip())]
