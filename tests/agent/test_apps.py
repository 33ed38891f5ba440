"""Ordinary apps, deployed at once on one machine as the workstation deploys them, and seen by a visitor."""

from __future__ import annotations

import secrets
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.agent import lab as lab_module
from tests.agent.app_cases import CASES, Case, Look
from tests.agent.lab import Lab, Repo
from tests.agent.workstation import Workstation
from tests.visitor import Answer, Visitor

FIRST_PORT = 8001
AT_ONCE = 2


def repository(case: Case, folder: Path) -> Repo:
    """The app's repository with a first commit."""
    repo = Repo.of(case.app, folder / case.app)
    if case.made == "startproject":
        django = ("uv", "run", "--quiet", "--no-project", "--with", "django")
        subprocess.run([*django, "django-admin", "startproject", "mysite", "."], cwd=repo.path, check=True)
        (repo.path / "requirements.txt").unlink()  # it writes none
    repo.commit("first")
    if case.made == "tag":
        repo.git("tag", "v1.2.0")
    return repo


@dataclass
class Deployed:
    """An app on the machine, or why it is not there."""

    repo: Repo
    workstation: Workstation
    seconds: float

    def visitor(self) -> Visitor:
        """Somebody at this computer who opens its URL."""
        url = urlsplit(self.workstation.specification(self.workstation.arguments()).url)
        return Visitor("127.0.0.1", url.port or 80, url.hostname or "")


def prepare(lab: Lab, case: Case, port: int, folder: Path) -> tuple[Repo, Workstation]:
    """Prepare the machine for an app as its workstation does."""
    repo = repository(case, folder)
    keys = {"app": case.app, "http_port": str(port), **case.keys}
    workstation = Workstation(lab, repo.path, keys)
    prepared = workstation.prepare()
    assert prepared.code == 0, prepared.err
    return repo, workstation


def deploy(prepared: Future[tuple[Repo, Workstation]]) -> Deployed:
    """Deploy an app as its workstation does."""
    repo, workstation = prepared.result()
    begin = time.monotonic()
    done = workstation.deploy(repo, "first")
    assert done.code == 0, done.err
    return Deployed(repo, workstation, time.monotonic() - begin)


@pytest.fixture(scope="module")
def deployed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Lab, dict[str, Future[Deployed]]]]:
    """A machine on which the chosen apps are being deployed, some of them at any time."""
    chosen = [item.callspec.params["case"] for item in request.session.items if item.path == request.path]  # type: ignore[attr-defined]
    ports = tuple(range(FIRST_PORT, FIRST_PORT + len(chosen)))
    name, folder = f"lp{secrets.token_hex(4)}", tmp_path_factory.mktemp("machine")
    try:
        lab = lab_module.make_machine(name, folder, ports, memory=9 * 2**30, disk=24 * 2**30)
        lab.give_uv()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            lab.prepare(app="first", http_port=8000).data()
            # All of them first: while an app is deployed no other is prepared, and that has the proxy read its settings anew.
            ready = {
                case.app: pool.submit(prepare, lab, case, port, folder)
                for case, port in zip(chosen, ports, strict=True)
            }
            wait(ready.values())
            apps = {name: pool.submit(deploy, prepared) for name, prepared in ready.items()}
            yield lab, apps
            for future in apps.values():
                future.cancel()
    finally:
        lab_module.remove_machine(name)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.app)
def test_an_app_answers_as_its_author_means(case: Case, deployed: tuple[Lab, dict[str, Future[Deployed]]]) -> None:
    lab, apps = deployed
    app = apps[case.app].result()
    print(f"{case.app}: {app.seconds:.1f} s")
    visitor = app.visitor()
    for look in case.looks:
        check(visitor, look)
    if case.files:
        check_files(visitor, case)
    told = lab.sudo(f"launchpad-agent status --app {case.app}")
    assert [word for word in case.status if word not in told] == [], told
    if case.again:
        app.repo.commit("second")
        done = app.workstation.deploy(app.repo, "second")
        assert done.code == 0, done.err
        for look in case.again:
            check(visitor, look)


def check(visitor: Visitor, look: Look) -> None:
    """Look at an app."""
    if look.says and look.status == 200:
        assert visitor.say(look.path, look.says) == look.has
        return
    if look.says:
        connection, status = visitor.upgrade(look.path)
        connection.close()
        assert status == look.status
        return
    for _ in range(look.times):
        answer = ask(visitor, look)
        assert (answer.status, look.has in answer.text) == (look.status, True), (
            look,
            answer.status,
            answer.text[:2000],
        )
        wrong = {name for name, value in look.headers.items() if value not in answer.headers.get(name, "")}
        assert wrong == set(), answer.headers


def ask(visitor: Visitor, look: Look) -> Answer:
    """Send the request of a look."""
    if look.upload:
        field, name, content = look.upload
        return visitor.post(look.path, {}, {field: (name, content)})
    if look.value is not None:
        return visitor.post_json(look.path, look.value)
    if look.fields is None:
        return visitor.get(look.path)
    return visitor.submit(look.path, look.fields) if look.on_page else visitor.post(look.path, look.fields)


def check_files(visitor: Visitor, case: Case) -> None:
    """Every style sheet, script and picture of a page is there, with the headers that it must have."""
    files = visitor.files(visitor.get(case.page))
    assert (len(files) >= case.files, set(files.values())) == (True, {200}), files
    for path in files if case.file_headers else ():
        headers = visitor.get(path).headers
        assert all(value in headers.get(name, "") for name, value in case.file_headers.items()), (path, headers)
