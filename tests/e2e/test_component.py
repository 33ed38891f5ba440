"""A program of one's own with Launchpad's components: two apps on a machine that the program makes."""

import json
import re
import subprocess

import pytest

from tests.e2e.stack import Stack, changed, fetch

COMPONENT = "cd examples/component &&"


def outputs(stack: Stack) -> dict[str, str]:
    found: dict[str, str] = json.loads(
        stack.run(f"{COMPONENT} pulumi stack output --json --show-secrets", check=True).stdout
    )
    return found


def test_two_apps_answer_on_one_machine_with_what_other_resources_gave(stack: Stack) -> None:
    stack.run(f"{COMPONENT} pulumi stack init component", check=True)
    previewed = stack.run(f"{COMPONENT} pulumi preview --diff", check=True).stdout
    said = stack.run(f"{COMPONENT} pulumi up --yes --skip-preview", check=True).stdout
    found = outputs(stack)
    assert re.fullmatch(r"http://shop\.localhost:2[89]\d{3}/", found["shop_url"])
    assert re.fullmatch(r"http://blog\.localhost:2[89]\d{3}/", found["blog_url"])
    status, page = fetch(found["shop_url"])
    assert (status, "database.internal:5432" in page) == (200, True)
    status, page = fetch(found["blog_url"])
    assert (status, len(found["password"]), found["password"] in page) == (200, 24, True)
    assert len(stack.machines()) == 1
    state = stack.run(f"{COMPONENT} pulumi stack export", check=True).stdout
    assert found["password"] not in previewed + said + state


def test_a_second_up_changes_nothing(stack: Stack) -> None:
    assert changed(stack.run(f"{COMPONENT} pulumi up --yes --skip-preview", check=True).stdout) == {}


WRONG = {
    '"GREETING": endpoint.stdout': (
        '"PORT": endpoint.stdout',
        "environment.PORT must be left out, because Launchpad sets PORT itself",
    ),
    "environment={": ("environment={'NOTE': endpoint.stdout.apply(len), ", "environment.NOTE must be text"),
}


@pytest.mark.parametrize("right", WRONG)
def test_a_wrong_variable_is_one_message_in_the_preview(stack: Stack, right: str) -> None:
    wrong, message = WRONG[right]
    program = stack.clone / "examples/component/__main__.py"
    before = program.read_text()
    assert right in before
    program.write_text(before.replace(right, wrong))
    try:
        said = stack.fails(f"{COMPONENT} pulumi preview")
    finally:
        program.write_text(before)
    assert "shop cannot be deployed:" in said
    assert message in said


def test_a_person_logs_in_from_anywhere_by_the_files_of_the_deployment(stack: Stack) -> None:
    folder = stack.clone / "examples/component/.launchpad/component"
    assert {path.name for path in folder.iterdir()} == {"shop", "blog"}
    assert subprocess.run(
        f"cd / && {outputs(stack)['ssh']} id -un", shell=True, check=True, capture_output=True
    ).stdout == (b"deploy\n")


def test_destroy_leaves_nothing_of_it(stack: Stack) -> None:
    stack.run(f"{COMPONENT} pulumi destroy --yes --skip-preview", check=True)
    assert stack.machines() == []
    assert not (stack.clone / "examples/component/.launchpad/component").exists()
