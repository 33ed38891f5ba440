"""Generated secrets stay what they are on the machine."""

import json
from pathlib import Path

import pytest

from infra.agent.release import generated
from infra.agent.system import layout, say
from infra.agent.system.layout import App
from infra.agent.system.redact import Redactor
from infra.protocol.specs import DeploySpec, Source


def settled(generated_names: tuple[str, ...], **secrets: str) -> dict[str, str]:
    """The secrets that a deployment with these ones gets."""
    spec = DeploySpec("shop", Source("pushed"), secrets=tuple(secrets.items()), generated=generated_names)
    return dict(generated.settled(App("shop"), spec).secrets)


def test_a_value_that_the_machine_has_outlives_the_stacks_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "STATE", tmp_path)
    monkeypatch.setattr(say, "redactor", Redactor())
    assert settled((), TOKEN="set") == {"TOKEN": "set"}
    assert not (tmp_path / "shop").exists()
    assert settled(("KEY",), KEY="first-value", TOKEN="set") == {"KEY": "first-value", "TOKEN": "set"}
    assert settled(("KEY", "SALT"), KEY="of a new state", SALT="new") == {"KEY": "first-value", "SALT": "new"}
    assert settled((), KEY="set by hand") == {"KEY": "set by hand"}
    file = tmp_path / "shop/kept/generated.json"
    assert json.loads(file.read_text()) == {"KEY": "first-value", "SALT": "new"}
    assert file.stat().st_mode & 0o777 == 0o600
