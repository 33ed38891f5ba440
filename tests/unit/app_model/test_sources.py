"""How much of an app is read and parsed: never more than a bound, and nothing that no question is about."""

import pytest

from infra.app_model import plan, sources
from infra.app_model.files import MemoryFiles
from infra.app_model.python_source import Budget
from infra.protocol.specs import DeploySpec, Source

APP = "from flask import Flask\nfrom shop import part0\napp = Flask(__name__)\n@app.route('/')\ndef index(): ...\n"
QUIET = "import math\n{}\ndef area(r):\n    return math.pi * r**2\n"
LOUD = "import os\n{}\nkept = []\ndef f(x):\n    local_kept.append(x)\n    os.environ['SECRET_KEY']\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the texts that are parsed."""
    sizes: list[int] = []
    allows = Budget.allows

    def counted(budget: Budget, text: str) -> bool:
        allowed = allows(budget, text)
        sizes.extend([len(text)] if allowed else [])
        return allowed

    monkeypatch.setattr(Budget, "allows", counted)
    return sizes


class Counted(MemoryFiles):
    """Files that note which of them are read."""

    def text(self, path: str) -> str | None:
        self.__dict__.setdefault("read", []).append(path)
        return super().text(path)


def app(text: str, modules: int = 2000, *, chain: bool = True) -> Counted:
    """An app of many modules of a text, each of which imports the next."""
    texts = {"app.py": APP, "requirements.txt": "flask\n", "shop/__init__.py": ""}
    for number in range(modules):
        following = f"from shop import part{number + 1}" if chain else ""
        texts[f"shop/part{number}.py"] = text.format(following)
    return Counted(texts)


def planned(files: Counted) -> list[str]:
    """The modules that are read for the plan of some files."""
    plan.plan(files, DeploySpec("app", Source("pushed")))
    read: list[str] = files.__dict__["read"]
    return [path for path in read if path.endswith(".py") and path != "setup.py"]


def test_modules_that_answer_no_question_are_not_parsed(parsed: list[int]) -> None:
    read = planned(app(QUIET))
    assert parsed == [len(APP)]
    assert len(read) == len(set(read)) == 300 + 1  # what the start leads to, up to its bound, and one import more


def test_modules_that_nothing_leads_to_are_not_read(parsed: list[int]) -> None:
    read = planned(app(LOUD, chain=False))
    assert sorted(read) == ["app.py", "shop/__init__.py", "shop/part0.py"]
    assert len(parsed) == 2


def test_no_more_modules_are_parsed_than_the_bound(parsed: list[int]) -> None:
    planned(app(LOUD))
    assert len(parsed) == sources.MOST_PARSED


def test_no_more_characters_are_parsed_than_the_bound(parsed: list[int]) -> None:
    planned(app(LOUD + f"#{'x' * 20_000}\n", 200))
    assert sources.MOST_PARSED_CHARACTERS - 21_000 < sum(parsed) <= sources.MOST_PARSED_CHARACTERS
