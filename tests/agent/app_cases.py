"""The apps of tests/apps by what a person sets for them, and what a visitor sees of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Look:
    """One look at an app: a request, and what the answer has to be.

    Attributes:
        path: What is asked for.
        has: What the answer contains.
        status: Its status.
        fields: The fields of a form that is posted.
        on_page: Whether the form is the one of the page at this path, with its hidden fields; else it is posted there.
        value: A value that is posted as JSON.
        upload: A field, a file name and a content that are posted.
        says: Words that go over a websocket at this path.
        headers: What the headers of the answer contain.
        times: How often to look, as every worker of a server has to answer alike.
    """

    path: str
    has: str = ""
    status: int = 200
    fields: Mapping[str, str] | None = None
    on_page: bool = False
    value: object = None
    upload: tuple[str, str, bytes] | None = None
    says: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1


@dataclass(frozen=True)
class Case:
    """An app, its keys, and the looks at it.

    Attributes:
        app: The folder in tests/apps.
        looks: The looks at its first release.
        keys: The config keys that a person sets, beside the repository.
        page: The page whose own files are looked at.
        files: How many files of its own that page has at least, all of which have to be there.
        file_headers: What the headers of these files contain.
        again: The looks after a second release: what outlives the first.
        status: What `launchpad status` says.
        made: How its repository is made where files alone are not enough: startproject or tag.
    """

    app: str
    looks: tuple[Look, ...]
    keys: Mapping[str, object] = field(default_factory=dict)
    page: str = "/"
    files: int = 0
    file_headers: Mapping[str, str] = field(default_factory=dict)
    again: tuple[Look, ...] = ()
    status: tuple[str, ...] = ()
    made: str = ""


def locked(app: str, **keys: object) -> Case:
    """An app whose lock, unlike its requirements, has an older itsdangerous than the newest."""
    looks = (Look("/", "itsdangerous 2.1.2"), Look("/", "itsdangerous 2.1.2 hello", fields={"word": "hello"}))
    return Case(app, looks, keys)


ADMIN = Look(
    "/admin/login/", "Please enter the correct username", fields={"username": "ada", "password": "x"}, on_page=True
)
PING = {"output": "greeting.children", "inputs": [{"id": "name", "property": "value", "value": "Ada"}]}

CASES = (
    # Frameworks, without any key
    Case(
        "flask-tutorial",
        (Look("/", "Hello, World!"), Look("/", "Hello, Ada!", fields={"name": "Ada"}, on_page=True)),
        files=1,
    ),
    Case("flask-unguarded", (Look("/", "Hello, World!"),)),
    Case(
        "flask-factory",
        (Look("/", "spelt: 4"), Look("/total", "8 euro", fields={"loaf": "spelt", "count": "2"})),
        files=1,
    ),
    Case(
        "flask-instance",
        (Look("/", "<p>Ada was here</p>", fields={"words": "Ada was here"}, on_page=True),),
        files=1,
        again=(Look("/", "<p>Ada was here</p>"),),
    ),
    Case("flask-package-src", (Look("/", "Catalog"), Look("/search", "pear", value={"word": "ea"})), files=1),
    Case(
        "django-startproject",
        (Look("/", "The install worked successfully!"), Look("/admin/login/", "Django administration"), ADMIN),
        page="/admin/login/",
        files=4,
        made="startproject",
    ),
    Case(
        "django-channels",
        (Look("/", "Chat"), Look("/ws/chat/", "you said hello", says="hello")),
        files=1,
    ),
    Case(
        "fastapi-first",
        (
            Look("/", '{"message":"Hello World"}'),
            Look("/docs", "FastAPI - Swagger UI"),
            Look("/items/5", '"price":1.5', value={"name": "pen", "price": 1.5}),
            Look("/items/5", '"name":"pen"', times=6),
        ),
    ),
    Case("fastapi-factory", (Look("/weather/Ulm", "sunny"), Look("/docs", "Weather"))),
    Case(
        "starlette",
        (Look("/", "Hello, world!"), Look("/", "Hello, Ada!", fields={"name": "Ada"}, on_page=True)),
        files=1,
    ),
    Case("litestar", (Look("/", "Hello, Litestar!"), Look("/sum", '{"sum":5}', 201, value={"a": 2, "b": 3}))),
    Case(
        "quart",
        (
            Look("/", "Hello, World!"),
            Look("/", "Hello, Ada!", fields={"name": "Ada"}, on_page=True),
            Look("/ws", "you said hello", says="hello"),
        ),
        files=1,
    ),
    Case(
        "dash",
        (
            Look("/", "<title>Greeter</title>"),
            Look("/_dash-layout", '"id":"greeting"'),
            Look(
                "/_dash-update-component",
                "Hello, Ada!",
                value={**PING, "outputs": {"id": "greeting", "property": "children"}},
            ),
        ),
        files=5,
    ),
    Case(
        "streamlit-hello",
        (
            Look("/", "<title>Streamlit</title>"),
            Look("/_stcore/health", "ok"),
            Look("/_stcore/stream", "", 101, says="-"),
        ),
        files=2,
    ),
    Case("gradio", (Look("/", "Greeter"), Look("/gradio_api/call/greet", "event_id", value={"data": ["Ada"]}))),
    Case("nicegui", (Look("/", "Hello NiceGUI!"),), files=2),
    Case("aiohttp", (Look("/", "Polls"), Look("/vote", "voted for tea", fields={"choice": "tea"})), files=1),
    Case(
        "tornado", (Look("/", "Hello, world"), Look("/", "Hello, Ada", fields={"name": "Ada"}, on_page=True)), files=1
    ),
    Case("sanic", (Look("/", "Kitchen"), Look("/cook", "cooking soup", fields={"dish": "soup"})), files=1),
    Case("bottle", (Look("/", "<b>Hello</b>!"), Look("/greet", "Hello Ada!", fields={"name": "Ada"})), files=1),
    Case("falcon", (Look("/", "Less is more."), Look("/", "More.", 201, value={"quote": "More."}))),
    Case("plain-wsgi", (Look("/", "Hello, WSGI! ä"), Look("/", "you sent a=1", fields={"a": "1"}))),
    Case("plain-asgi", (Look("/", "Hello, ASGI!"), Look("/", "you sent a=1", fields={"a": "1"}))),
    Case("console-script", (Look("/", "Say something."), Look("/", "a=1", fields={"a": "1"}))),
    Case("python-app-port", (Look("/", "Hello from the standard library"), Look("/", "A=1", fields={"a": "1"}))),
    # Where dependencies are written
    locked("poetry"),
    locked("poetry-no-package"),
    locked("pipenv"),
    locked("pdm"),
    locked("pylock"),
    locked("uv-locked"),
    locked("requirements-folder"),
    locked("requirements-utf16"),
    Case(
        "uv-workspace-member",
        (Look("/", '{"core":"0.3.0","itsdangerous":"2.1.2"}'), Look("/", '{"a":"b"}', value={"a": "b"})),
        {"directory": "packages/web"},
    ),
    Case(
        "setup-py",
        (Look("/", "You answered nothing"), Look("/", "You answered yes", fields={"answer": "yes"})),
        files=1,
    ),
    Case("setuptools-scm", (Look("/", "clock 1.2.0"),), made="tag"),
    # What an app keeps
    Case(
        "memory-state",
        (Look("/", "<li>sleep</li>", fields={"todo": "sleep"}), Look("/", "<li>sleep</li>", times=8)),
    ),
    Case(
        "sqlite-beside-code",
        (Look("/add", "<p>buy milk</p>", fields={"note": "buy milk"}),),
        again=(Look("/", "<p>buy milk</p>"),),
    ),
    Case(
        "upload-folder",
        (Look("/", "a poem", upload=("file", "poem.txt", b"a poem")),),
        again=(Look("/uploads/poem.txt", "a poem"),),
    ),
    Case(
        "static-hashed",
        (Look("/", "Gallery"), Look("/upload", "/media/cat.txt", upload=("picture", "cat.txt", b"a cat"))),
        {"static": {"/media/": "$DATA_DIR/media"}},
        files=1,
        file_headers={"cache-control": "immutable"},
        again=(Look("/media/cat.txt", "a cat"),),
    ),
    # Processes
    Case(
        "worker-and-cron",
        (Look("/jobs", "queued", 202, fields={"name": "letter"}), Look("/jobs/letter", "done by pid ")),
        status=("worker", "cron"),
    ),
    Case(
        "memory-hungry",
        (Look("/", "web is well"),),
        {"processes": {"worker": {"memory": "64M"}}},
        status=("memory",),
    ),
    Case("recreate", (Look("/", "first"),), {"release_strategy": "recreate"}, again=(Look("/", "second"),)),
)
