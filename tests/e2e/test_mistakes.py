"""Mistakes that people make: one clear message, exit status 1, nothing lost. One machine serves all of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.stack import Stack, changed, commit, git

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
    ({"http_port": "eighty", "embedded.memory": "lots"}, "2 mistakes in the config of this stack:"),
    (
        {"embedded.memory": "1M"},
        "launchpad:embedded.memory is '1M'; it must be a size such as 512M or 2G, at least 128M",
    ),
    ({"ssh_cidrs": ["0.0.0.0/0"]}, "launchpad:ssh_cidrs holds 0.0.0.0/0, which covers most of the internet"),
    ({"env": {"PATH": "/opt/x:/usr/bin", "LAUNCHPAD_X": 1}}, "launchpad:env.LAUNCHPAD_X is '1'; it must be left out"),
    ({"http_port": 443}, "launchpad:http_port is 443, which is reserved for HTTPS, which a domain turns on"),
    ({"ec2.region": "eu-central-1"}, "launchpad:ec2.region is set, but only machine ec2 reads it"),
    ({"tls_certificate": "cert.pem", "domain": "a.example.org"}, "it must be certificates in PEM form"),
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
    "no way to start": (
        {"Procfile": "worker: sleep 1\n", "app.py": "print('nothing')\n"},
        ["no web: line", "set launchpad:command"],
    ),
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


def test_keys_of_the_machine_are_set_shown_encrypted_and_taken_away_in_both_ways(stack: Stack) -> None:
    one = "launchpad:embedded.memory"
    try:
        stack.run(f"pulumi config set {one} 700M", check=True)
        assert stack.run(f"pulumi config get {one}", check=True).stdout.strip() == "700M"
        stack.run("pulumi preview", check=True)
        stack.run(f"pulumi config set --secret --path {one} 1M", check=True)
        assert (
            f"{one} is set twice: to [secret] as a key of its own, and to [secret] in the map launchpad:embedded; keep one "
            f"of them: pulumi config rm {one} or pulumi config rm --path {one}"
        ) in stack.fails("pulumi preview")
        stack.run(f"pulumi config rm {one}", check=True)
        assert f"{one} is [secret]; it must be a size such as 512M or 2G" in stack.fails("pulumi preview")
        stack.run(f"pulumi config rm --path {one} && pulumi config set --path {one} 800M", check=True)
        stack.run("pulumi preview", check=True)
    finally:
        stack.run(f"pulumi config rm {one}; pulumi config rm launchpad:embedded")


def test_a_good_app_first(stack: Stack) -> None:
    commit(repository(stack), GOOD, "Good")
    stack.config(repository=repository(stack), health_timeout=20)
    stack.up()
    assert stack.page() == (200, "good")


def test_a_value_that_yaml_changes_is_told(stack: Stack) -> None:
    file = stack.clone / "Pulumi.dev.yaml"
    before = file.read_text()
    file.write_text(before.replace("config:\n", "config:\n  launchpad:env:\n    PHONE: +49170\n    PIN: 0123\n", 1))
    try:
        said = stack.fails("pulumi preview")
        assert (
            "launchpad:env.PHONE is written as +49170 without quotes, and YAML reads that as 49170; put it in" in said
        )
        assert (
            "launchpad:env.PIN is written as 0123 without quotes, and YAML reads that as 83; put it in quotes" in said
        )
    finally:
        file.write_text(before)


def test_secrets_that_are_ordinary_words_break_nothing(stack: Stack) -> None:
    words = {
        "EMAIL_USE_TLS": "true",
        "DEBUG": "false",
        "MODE": "release",
        "COLOUR": "blue",
        "STATE": "done",
        "SMTP": "587",
    }
    sha = git(repository(stack), "rev-parse", "HEAD")
    try:
        # Digits of the revision are a secret of six letters: masked in texts, and nowhere else.
        for name, value in {**words, "PART": sha[3:9]}.items():
            stack.secret(name, value)
        stack.up()
        outputs = stack.outputs()
        assert (outputs["release"], outputs["revision"]) == (sha[:12], sha)
        stack.run("pulumi preview --expect-no-changes", check=True)
        launch = json.loads(stack.on_machine("sudo sh -c 'cat /run/credentials/app@*/launch'"))
        assert {name: launch["env"][name] for name in words} == words
        assert json.loads(stack.on_machine("sudo launchpad-agent releases --app app --json"))[-1]["release"] == sha[:12]
        assert f"*  {sha[:12]}  20" in stack.run("make releases", check=True).stdout
    finally:
        # Pulumi itself masks them in all that it prints from here on.
        stack.run("pulumi config rm launchpad:secrets", check=True)
    stack.up()


def test_a_stack_whose_state_holds_a_broken_answer_can_be_mended(stack: Stack) -> None:
    state = json.loads(stack.run("pulumi stack export --show-secrets", check=True).stdout)
    (released,) = (each for each in state["deployment"]["resources"] if each["urn"].endswith("Command::app-release"))
    released["outputs"]["stdout"] = '{"release": "abc", "changed": [secret], "built": [secret]}'
    (stack.clone / "state.json").write_text(json.dumps(state))
    stack.run("pulumi stack import --file state.json", check=True)
    sha = git(repository(stack), "rev-parse", "HEAD")
    assert "Traceback" not in stack.run("pulumi preview", check=True).stdout
    stack.up()
    assert stack.outputs()["release"] == sha[:12]
    sha = commit(repository(stack), {"note": "new\n"}, "A change")
    stack.up()
    assert stack.outputs()["release"] == sha[:12]


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


ENDINGS = {
    "does not start": ({"app.py": "raise RuntimeError('the cause')\n"}, "RuntimeError: the cause"),
    "listens on a port of its own": (
        {"Procfile": "web: flask --app app run --port 5000\n"},
        "Start it with: flask run --host $HOST --port $PORT",
    ),
    "cannot be installed": (
        {"requirements.txt": "flask\ngunicorn\npsycopg2-binary==2.9.9\n"},
        "psycopg2-binary 2.9.9 has no wheel for Python 3.13, and compiling it failed: the program pg_config is missing",
    ),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_a_failed_release_ends_in_under_forty_lines_with_the_cause_last(stack: Stack, name: str) -> None:
    files, cause = ENDINGS[name]
    stack.config(health_timeout=30)
    commit(repository(stack), {**GOOD, **files}, f"An app that {name}")
    lines = ("pulumi up --yes --skip-preview", "pulumi up --yes", "pulumi up --yes --skip-preview --suppress-outputs")
    said = [stack.fails(line) for line in lines]
    assert stack.page() == (200, "good")
    commit(repository(stack), GOOD, f"Good again after one that {name}")
    stack.up()
    # Last of all Pulumi lists the outputs, which it takes for removed, unless told to suppress them.
    for text in said:
        ending = text[text.rindex("\nDiagnostics:") :].split("\nOutputs:")[0].strip()
        assert len(ending.splitlines()) < 40, text
        report = ending.split("command:remote:Command (app-release):")[1].split("\n\n")[0]
        assert cause in report.splitlines()[-1], text


def serving(stack: Stack) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.on_machine("sudo launchpad-agent status --app app --json"))
    return found


def test_a_health_path_that_the_serving_release_does_not_have_fails(stack: Stack) -> None:
    before = serving(stack)
    stack.config(health_path="/nope")
    said = stack.fails()
    page = stack.page()
    stack.run("pulumi config rm launchpad:health_path", check=True)
    stack.up()
    assert "GET /nope (Host: " in said
    assert "got status 404" in said
    assert page == (200, "good")
    assert serving(stack)["slot"] == before["slot"]


def test_restart_leaves_what_pulumi_knows_as_it_is(stack: Stack) -> None:
    before = serving(stack)
    said = stack.run("make restart", check=True).stdout
    assert f"restart: restarting {before['release']} in the other slot" in said
    after = serving(stack)
    assert (after["release"], after["slot"] != before["slot"]) == (before["release"], True)
    assert stack.page() == (200, "good")
    assert changed(stack.up()) == {}


def test_an_app_that_redirects_to_https_without_a_domain_is_not_switched_to(stack: Stack) -> None:
    moved = GOOD["app.py"] + (
        "from flask import redirect, request\n@app.before_request\ndef secure():\n    if not request.is_secure:\n"
        "        return redirect(request.url.replace('http://', 'https://'), 301)\n"
    )
    commit(repository(stack), {**GOOD, "app.py": moved}, "Redirect everything to HTTPS")
    said = stack.fails()
    page = stack.page()
    commit(repository(stack), GOOD, "Good again after a redirect")
    stack.up()
    url = stack.outputs()["url"].replace("http://", "https://")
    assert f"/ redirects to {url} (301), but no domain is set, so nothing answers there:" in said
    assert page == (200, "good")


def test_port_of_the_proxy_is_taken(stack: Stack) -> None:
    stack.on_machine("sudo systemd-run --quiet --collect --unit squatter python3 -m http.server 8081")
    stack.config(http_port=8081)
    said = stack.fails()
    assert "8081" in said
    assert "python3" in said
    stack.on_machine("sudo systemctl stop squatter")
    stack.up()
    assert stack.page() == (200, "good")
