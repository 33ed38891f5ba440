"""What to do about the usual causes for which a release is not healthy. All pure."""

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
    (r"-m http\.server\b", "python -m http.server --bind $HOST $PORT"),
    (r"\bgradio\b", 'demo.launch(server_name=os.environ["HOST"], server_port=int(os.environ["PORT"]))'),
)
"""How each server is told the port: what its start command looks like, and what to write."""

LOGGED = (
    (r"\* Running on http", 'app.run(host=os.environ["HOST"], port=int(os.environ["PORT"]))'),
    (r"=+ Running on http", 'web.run_app(app, host=os.environ["HOST"], port=int(os.environ["PORT"]))'),
    (r"Uvicorn running on", 'uvicorn.run(app, host=os.environ["HOST"], port=int(os.environ["PORT"]))'),
    (r"Running on local URL", 'demo.launch(server_name=os.environ["HOST"], server_port=int(os.environ["PORT"]))'),
)
"""The same for servers that the app's own code starts, by what they log: Flask, aiohttp, uvicorn, Gradio."""

IMPORT_ERROR = re.compile(r"(ModuleNotFoundError|ImportError|SyntaxError|IndentationError|TabError): .+")

HOST_REFUSED = re.compile(r"Invalid HTTP_HOST header|DisallowedHost|Bad Request \(400\)|Invalid host header")
"""What Django (with and without DEBUG) and Starlette say to a request for a host that they do not serve."""


def port(command: str, log: Sequence[str]) -> str:
    """How the app is told to listen on $PORT."""
    for pattern, text in PORTS:
        if re.search(pattern, command):
            return f"Start it so: {text}"
    for pattern, text in LOGGED:
        if any(re.search(pattern, line) for line in log):
            return f"Take the port from the environment: {text}"
    return 'Have it listen on $HOST:$PORT: $PORT in the start command, or int(os.environ["PORT"]) in the code.'


def refused_host(host: str, text: str) -> str:
    """What to do where the app refuses the host that it is asked by; empty where ``text`` does not look like that."""
    if not HOST_REFUSED.search(text):
        return ""
    where = "TrustedHostMiddleware's allowed_hosts" if "Invalid host header" in text else "ALLOWED_HOSTS (Django)"
    return (
        f"The app seems to refuse requests for {host}, the host that visitors ask it by: add it to {where}, "
        "in the settings or in the variable that they read (launchpad:env)."
    )


def import_errors(log: Sequence[str]) -> list[str]:
    """The lines of a log that say why code could not be imported."""
    return [line.strip() for line in log if IMPORT_ERROR.fullmatch(line.strip())]
