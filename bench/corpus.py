"""Deploys public repositories as a person does, and prints what the person sees of each.

python bench/corpus.py LIST [--mirror FOLDER] [--only NAME ...] [--at-once 1] [--machine-memory 2G] [--machine-disk 12G]

after `source toolchain/activate`. LIST is a TOML file with a table for each app; the keys are those of a stack:

    [[app]]
    url = "https://git.example.org/you/shop.git"
    revision = "main"                           # optional
    keys = { directory = "backend", env = { DEBUG = "1" } }   # optional

MIRROR is a folder of clones or bare repositories, for computers that do not reach the URLs: you/shop.git, you/shop,
shop.git and shop are looked for, in this order. Each app gets an embedded machine of its own, destroyed at the end.
A page's form is sent as it is, with a word in its empty fields: that shows the app that answers GET and cannot write.
"""

from __future__ import annotations

import argparse
import queue
import sys
import tempfile
import time
import tomllib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests import visitor
from tests.e2e.stack import Stack, git
from tests.visitor import Answer, Form, Visitor

COLUMNS = ("app", "keys", "seconds", "/", "own files", "form", "title, or why not")
WORD = "launchpad"


class CorpusError(Exception):
    """The list of apps is not right; the message says where."""


@dataclass(frozen=True)
class App:
    """An app of the list.

    Attributes:
        url: The URL of its repository.
        keys: What its stack sets, beside the repository.
    """

    url: str
    keys: Mapping[str, object] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The repository's owner and name."""
        return "/".join(urlsplit(self.url).path.removesuffix(".git").strip("/").split("/")[-2:])


@dataclass(frozen=True)
class Seen:
    """What a person sees of an app.

    Attributes:
        app: The app.
        seconds: From the command typed to the prompt.
        status: The status of the first page; 0 if nothing was deployed.
        files: The status of each of the page's own files.
        form: What became of its first form that posts; empty if it has none.
        words: The page's title, or why there is none.
    """

    app: App
    seconds: float
    status: int = 0
    files: Mapping[str, int] = field(default_factory=dict)
    form: str = ""
    words: str = ""

    def cells(self) -> tuple[str, ...]:
        """The row of the table."""
        good = sum(status == 200 for status in self.files.values())
        bad = [f"{path} {status}" for path, status in self.files.items() if status != 200]
        files = ", ".join([f"{good} of {len(self.files)}", *bad[:1]]) if self.files else "none"
        seen = (str(self.status), files, self.form or "none") if self.status else ("failed", "", "")
        return (self.app.name, shown(self.app.keys), f"{self.seconds:.0f}", *seen, self.words)


def read(text: str) -> list[App]:
    """Read the list of apps.

    Raises:
        CorpusError: It is not TOML, or a table has no URL.
    """
    try:
        tables = tomllib.loads(text).get("app", [])
    except tomllib.TOMLDecodeError as error:
        raise CorpusError(f"the list is not TOML: {error}") from error
    apps = []
    for number, table in enumerate(tables, 1):
        unknown = sorted(set(table) - {"url", "revision", "keys"})
        if not isinstance(table.get("url"), str) or not isinstance(table.get("keys", {}), dict) or unknown:
            raise CorpusError(f"app {number} of the list must have a url, and may have a revision and keys: {table}")
        revision = {"revision": table["revision"]} if "revision" in table else {}
        apps.append(App(table["url"], {**table.get("keys", {}), **revision}))
    return apps


def places(url: str) -> tuple[str, ...]:
    """Where a mirror may have the repository of a URL, below its folder."""
    owner_and_name = App(url).name
    name = owner_and_name.rsplit("/", 1)[-1]
    return (f"{owner_and_name}.git", owner_and_name, f"{name}.git", name)


def shown(keys: Mapping[str, object]) -> str:
    """Keys in one cell: as many as a person has to know of."""
    return " ".join(f"{key}={value}" for key, value in keys.items()) or "none"


def cause(said: str) -> str:
    """The last line of why a deployment failed; the last line of all if nothing begins with ``error:``."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    begun = [number for number, line in enumerate(lines) if line.startswith("error:")]
    return lines[-1].removeprefix("error: ") if begun and lines else (lines or ["nothing was said"])[-1]


def first_form(answer: Answer) -> Form | None:
    """The first form of a page that posts."""
    return next((form for form in visitor.read(answer.text).forms if form.method == "post"), None)


def filled(form: Form) -> dict[str, str]:
    """The fields of a form, with a word in those that are empty."""
    return {name: value or WORD for name, value in form.fields.items()}


def table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a table of Markdown."""
    lines = [" | ".join(cell.replace("|", "/").replace("\n", " ") for cell in row) for row in rows]
    lines.insert(1, " | ".join("---" for _ in rows[0]))
    return "\n".join(f"| {line} |" for line in lines)


def look(app: App, seconds: float, someone: Visitor) -> Seen:
    """Look at an app: its first page, that page's own files, its form."""
    page = someone.get("/")
    files, form = someone.files(page), first_form(page)
    title = visitor.read(page.text).title or page.text.strip().split("\n")[0][:80]
    if page.status in visitor.REDIRECTS:
        title = f"leads to {page.headers.get('location', '')}"
    sent = ""
    if form is not None:
        answer = someone.post(urljoin(page.path, form.action), filled(form))
        sent = f"{form.action or page.path}: {answer.status}"
    return Seen(app, seconds, page.status, files, sent, title)


def try_one(stack: Stack, app: App, repository: str, machine: Mapping[str, object]) -> Seen:
    """Deploy an app on a machine of its own and look at it; nothing of it is left."""
    stack.run("git checkout --quiet Pulumi.dev.yaml && pulumi stack select --create dev", check=True)
    stack.config(repository=repository, **machine, **app.keys)
    begin = time.monotonic()
    try:
        done = stack.run("launchpad up --yes")
        seconds = time.monotonic() - begin
        if done.returncode != 0:
            return Seen(app, seconds, words=cause(done.stdout))
        outputs = stack.outputs()
        url = urlsplit(str(outputs["url"]))
        host = url.hostname or ""
        # A name below localhost is this computer, which forwards the port to the machine.
        address = "127.0.0.1" if host.endswith(".localhost") else str(outputs["address"])
        return look(app, seconds, Visitor(address, url.port or 80, host))
    except (OSError, ValueError) as error:
        return Seen(app, time.monotonic() - begin, words=f"{type(error).__name__}: {error}")
    finally:
        stack.run("launchpad destroy --yes")


def repository(app: App, mirror: Path | None, folder: Path) -> str:
    """The repository to deploy from: the mirror's, cloned so that nothing changes there, else the URL.

    Raises:
        CorpusError: The mirror does not have it.
    """
    if mirror is None:
        return app.url
    found = next((mirror / place for place in places(app.url) if (mirror / place).exists()), None)
    if found is None:
        raise CorpusError(f"{mirror} has none of {', '.join(places(app.url))}")
    copy = folder / app.name.replace("/", "+")
    if not copy.exists():
        git(folder, "clone", "--quiet", str(found.resolve()), str(copy))
    return str(copy)


def main() -> None:
    """Try every app of the list; print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("list", type=Path)
    parser.add_argument("--mirror", type=Path, help="a folder of clones or bare repositories")
    parser.add_argument("--only", nargs="+", default=[], help="parts of the names of the apps to try")
    parser.add_argument("--at-once", type=int, default=1, help="how many to try at any time")
    parser.add_argument("--machine-memory", default="2G")
    parser.add_argument("--machine-disk", default="12G")
    options = parser.parse_args()
    apps = [app for app in read(options.list.read_text()) if any(part in app.name for part in options.only or [""])]
    machine = {"embedded": {"memory": options.machine_memory, "disk": options.machine_disk}}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stacks: queue.Queue[Stack] = queue.Queue()
        for number in range(min(options.at_once, len(apps))):
            stacks.put(Stack.cloned(folder / f"launchpad-{number}"))

        def attempt(app: App) -> Seen:
            stack = stacks.get()
            try:
                seen = try_one(stack, app, repository(app, options.mirror, folder), machine)
            except CorpusError as error:
                seen = Seen(app, 0, words=str(error))
            finally:
                stacks.put(stack)
            print(" | ".join(seen.cells()), file=sys.stderr, flush=True)
            return seen

        with ThreadPoolExecutor(options.at_once) as pool:
            seen = list(pool.map(attempt, apps))
    print(table([COLUMNS, *(one.cells() for one in seen)]))


if __name__ == "__main__":
    try:
        main()
    except CorpusError as mistake:
        sys.exit(str(mistake))
