"""What a machine tells Prometheus of itself."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.agent import cli
from infra.agent.machine import backup_state
from infra.agent.metrics import exposition
from infra.agent.metrics.exposition import Gauge, Sample

NOW = 1_800_000_000.0


def test_metrics_are_prometheus_text_without_those_that_have_no_value() -> None:
    age = Gauge("app_age_seconds", "How old, in a\nC:\\word.", (Sample({}, 1.5), Sample({"app": 'a"b\\\n'}, 2e20)))
    assert exposition.text([age, Gauge("nothing", "None.", ())]) == (
        "# HELP app_age_seconds How old, in a\\nC:\\\\word.\n"
        "# TYPE app_age_seconds gauge\n"
        "app_age_seconds 1.5\n"
        'app_age_seconds{app="a\\"b\\\\\\n"} 2e+20\n'
    )


@given(st.text(), st.floats())
def test_a_sample_is_one_line_and_its_label_reads_as_it_was(value: str, number: float) -> None:
    text = exposition.text([Gauge("one", "", (Sample({"label": value}, number),))])
    assert text.count("\n") == 3
    sample = text.split("\n")[2]
    quoted, _, written = sample.removeprefix('one{label="').rpartition('"} ')
    read = re.sub(r"\\(.)", lambda match: {"n": "\n"}.get(match[1], match[1]), quoted)
    assert read == value
    assert repr(float(written)) == repr(number)


def test_the_age_of_the_last_verified_backup_of_each_app_is_a_metric(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("BACKUP_STATE", "BACKUPS"):
        monkeypatch.setattr(backup_state, name, tmp_path)
    state = {
        "schedule": "0 3 * * *",
        "since": NOW,
        "repository": "/mnt/backup",
        "wanted": ["shop", "wiki"],
        "apps": {
            "shop": {"verified": NOW - 60, "bytes": 1204, "error": "The repository is gone."},
            "former": {"verified": NOW},
        },
    }
    (tmp_path / "shop-prod.json").write_text(json.dumps(state))
    monkeypatch.setattr("os.geteuid", lambda: 0)
    monkeypatch.setattr("time.time", lambda: NOW)
    assert cli.main(["metrics"]) == 0
    samples = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("#")]
    assert samples == [
        'launchpad_backup_verified_timestamp_seconds{app="shop"} 1799999940.0',
        'launchpad_backup_healthy{app="shop"} 0.0',
        'launchpad_backup_healthy{app="wiki"} 1.0',
        'launchpad_backup_size_bytes{app="shop"} 1204.0',
    ]
