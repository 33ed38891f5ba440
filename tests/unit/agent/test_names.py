"""An app takes over nothing that belongs to somebody else."""

from pathlib import Path

import pytest

from infra.agent.process import units
from infra.agent.system import layout, names
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App


def test_a_unit_that_somebody_wrote_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "UNITS", tmp_path)
    app = App("no-such-user-here")
    names.check(app)
    app.template.write_text("[Service]\nExecStart=/usr/bin/worker %i\n")
    with pytest.raises(Failure, match=f"this machine has a unit {app.template} of its own"):
        names.check(app)
    app.template.write_text(units.template(app, 30))
    names.check(app)
