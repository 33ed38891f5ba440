"""What a person is told to set where a module is missing."""

import pytest

from infra.agent.process import missing_modules

PIP = "set launchpad:pip to the package that does, such as"
GROUPS = "or launchpad:groups or launchpad:extras if the app has it in one of those."


def missing(module: str) -> str:
    """The line of Python about a module that is missing."""
    return f"ModuleNotFoundError: No module named '{module}'"


@pytest.mark.parametrize(
    ("lines", "own", "hint"),
    [
        ([missing("fastlite")], [], f'No dependency that was installed brings fastlite: {PIP} ["fastlite"], {GROUPS}'),
        (
            ["  " + missing("pkg_resources"), "[5] [INFO] Worker exiting"],
            ["app.py"],
            f'No dependency that was installed brings pkg_resources: {PIP} ["setuptools<81"], {GROUPS}',
        ),
        (
            [missing("a"), missing("template_partials")],
            [],
            f'No dependency that was installed brings template_partials: {PIP} ["template-partials"], {GROUPS}',
        ),
        ([missing("shop")], ["shop"], ""),
        ([missing("shop")], ["shop.py"], ""),
        ([missing("werkzeug.contrib")], [], ""),
        (["no module of this name"], [], ""),
        ([], [], ""),
    ],
)
def test_a_missing_module_names_the_key_that_adds_its_package(lines: list[str], own: list[str], hint: str) -> None:
    assert missing_modules.hint(lines, own) == hint
