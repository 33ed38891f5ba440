"""Mistakes that people make: one clear message, exit status 1, nothing lost. One machine serves all of them."""

from pathlib import Path

import pytest

from tests.e2e.stack import Stack, commit

GOOD = {
    "Procfile": "web: gunicorn app:app\n",
    "requirements.txt": "flask\ngunicorn\n",
    "app.py": "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef index():\n    return 'good'\n",
}

BEFORE_ANYTHING = [
    ({"revision": "no-such-branch"}, "launchpad:revision is 'no-such-branch', which"),
    (
        {"repository": "/nowhere/at/all"},
        "launchpad:repository is '/nowhere/at/all', but /nowhere/at/all does not exist",
    ),
    ({"web_cidrs": ["10.0.0.300/8"]}, "launchpad:web_cidrs is '[\"10.0.0.300/8\"]'; it must be a list of networks"),
    ({"http_port": "eighty", "memory": "lots"}, "2 mistakes in the config of this stack:"),
    ({"memory": "1M"}, "launchpad:memory is '1M'; it must be a size such as 512M or 2G, at least 128M"),
    ({"ssh_cidrs": ["0.0.0.0/0"]}, "launchpad:ssh_cidrs holds 0.0.0.0/0, much of the internet"),
]

BAD_RELEASES = {
    "does not start": ({"app.py": "raise RuntimeError('the cause')\n"}, ["the cause"]),
    "answers with an error": (
        {"app.py": GOOD["app.py"].replace("'good'", "'sorry, out of order', 500")},
        ["500", "sorry, out of order"],
    ),
    "needs what is not to be had": (
        {"requirements.txt": "flask\ngunicorn\nno-such-package-of-ours==9.9\n"},
        ["no-such-package-of-ours"],
    ),
    "migration fails": (
        {"Procfile": GOOD["Procfile"] + "release: echo no table users >&2; exit 3\n"},
        ["release", "no table users"],
    ),
    "no way to start": ({"Procfile": "worker: sleep 1\n"}, ["no web: line", "set the command"]),
    "another Python": ({".python-version": "3.8\n"}, ["3.8", ".python-version"]),
}


def repository(stack: Stack) -> Path:
    return stack.clone.parent / "shop"


@pytest.mark.parametrize(("values", "message"), BEFORE_ANYTHING, ids=lambda value: str(value)[:40])
def test_bad_config_makes_nothing(stack: Stack, values: dict[str, object], message: str) -> None:
    stack.config(**values)
    try:
        assert message in stack.fails()
        assert "command:remote:Command" not in stack.state()
    finally:
        for key in values:
            stack.run(f"pulumi config rm launchpad:{key}", check=True)


def test_a_good_app_first(stack: Stack) -> None:
    commit(repository(stack), GOOD, "Good")
    stack.config(repository=repository(stack), health_timeout=8)
    stack.up()
    assert stack.page() == (200, "good")


@pytest.mark.parametrize("name", BAD_RELEASES)
def test_bad_release_names_the_cause_and_the_old_one_serves(stack: Stack, name: str) -> None:
    files, words = BAD_RELEASES[name]
    commit(repository(stack), files, f"An app that {name}")
    try:
        said = stack.fails()
        for word in words:
            assert word in said, said
        assert stack.page() == (200, "good")
    finally:
        (repository(stack) / ".python-version").unlink(missing_ok=True)
        commit(repository(stack), GOOD, f"Good again after one that {name}")
    stack.up()
    assert stack.page() == (200, "good")


def test_port_of_the_proxy_is_taken(stack: Stack) -> None:
    stack.on_machine("sudo systemd-run --quiet --collect --unit squatter python3 -m http.server 8081")
    stack.config(http_port=8081)
    said = stack.fails()
    assert "8081" in said
    assert "python3" in said
    stack.on_machine("sudo systemctl stop squatter")
    stack.up()
    assert stack.page() == (200, "good")
