"""The README's flow as an ordinary user with sudo, in one shell: from nothing to a page, away, and once more."""

import re
import subprocess
from collections.abc import Iterator

import pytest

from infra.machines.embedded import client
from infra.machines.embedded.requests import ListMachines
from tests.e2e.person import AS_ROOT, Person, ordinary

FLOW = """
set -e
page() { curl --silent --output /dev/null --write-out 'page: %{http_code}\\n' "$(make --silent url)"; }
source toolchain/activate
make up
page
echo "status: [$(git status --porcelain)]"
make destroy
make up
page
cd /
pulumi --cwd "$LAUNCHPAD_ROOT" stack output release --stack dev
cd "$LAUNCHPAD_ROOT"
make destroy
make clean
"""


@pytest.fixture(scope="module")
def person() -> Iterator[Person]:
    with ordinary() as made:
        yield made


def test_up_destroy_and_up_again_in_one_shell_then_clean(person: Person) -> None:
    said = person.shell(FLOW)
    assert said.count("page: 200") == 2, said
    assert "\nstatus: []\n" in said, said
    assert re.search(r"^[0-9a-f]{12}\n", said, re.MULTILINE), said
    assert "Permission denied" not in said
    # nothing is left: no machine, no cache, no state, no settings of Pulumi's, and in the whole home nothing of root's
    assert str(person.clone) not in str(client.ask(ListMachines()))
    assert not (person.home / ".cache/launchpad").exists()
    assert [name for name in (".venv", ".launchpad") if (person.clone / name).exists()] == []
    assert person.shell("git status --porcelain") == ""
    find = [*AS_ROOT, "find", person.home, "!", "-user", person.name]
    assert subprocess.run(find, capture_output=True, text=True, check=True).stdout == ""


def test_clean_without_anything_there_is_no_mistake(person: Person) -> None:
    assert "removed" in person.shell("make clean")
