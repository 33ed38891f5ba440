"""The consumer: what it makes of the outputs, and that the outputs which others live off do not go away unnoticed."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pulumi
import pytest

from infra import outputs

CONSUMER = Path(__file__).parents[3] / "examples" / "consumer"

VERSION_2 = {
    "outputs_version",
    "url",
    "health_url",
    "address",
    "machine_kind",
    "ssh",
    "host_key_fingerprint",
    "firewall_rules",
    "app_user",
    "revision",
    "release",
}
"""What version 2 promises. Removing one is a new version: raise ``outputs.VERSION``, and begin a new set here."""

FOUND: dict[str, Any] = {
    "outputs_version": 2,
    "url": "http://192.0.2.10:8080/",
    "address": "192.0.2.10",
    "machine_kind": "ec2",
    "revision": "f" * 40,
    "release": "ffffffffffff",
}


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("consumer_files", CONSUMER / "files.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


files = load()


def test_no_output_of_this_version_went_away() -> None:
    assert outputs.VERSION == files.CONTRACT == 2
    assert set(outputs.MEANING) >= VERSION_2
    assert all(meaning.endswith(".") for meaning in outputs.MEANING.values())


@pytest.mark.parametrize("gone", ["url", "revision"])
def test_a_missing_output_is_said_by_name(gone: str) -> None:
    found = {name: value for name, value in FOUND.items() if name != gone}
    with pytest.raises(pulumi.RunError, match=f"stack o/p/s lacks the output {gone}, which version 2 promises"):
        files.wanted("o/p/s", found, ("url", "revision"))


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({}, "stack o/p/s has no outputs; run `pulumi up` there first"),
        ({**FOUND, "outputs_version": 1}, "stack o/p/s keeps version 1 of its outputs, and this program knows 2"),
        ({"url": "x"}, "stack o/p/s keeps version None of its outputs, and this program knows 2"),
    ],
)
def test_another_contract_is_refused(found: dict[str, Any], said: str) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        files.wanted("o/p/s", found, ("url",))
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("url", "target", "scheme"),
    [
        ("http://192.0.2.10/", "192.0.2.10:80", "http"),
        ("http://192.0.2.10:8080/", "192.0.2.10:8080", "http"),
        ("https://app.example.org/", "app.example.org:443", "https"),
    ],
)
def test_prometheus_finds_the_app(url: str, target: str, scheme: str) -> None:
    (group,) = json.loads(files.prometheus({**FOUND, "url": url}))
    assert group["targets"] == [target]
    assert group["labels"] == {
        "__scheme__": scheme,
        "__metrics_path__": "/metrics",
        "machine": "ec2",
        "revision": "f" * 40,
        "release": "ffffffffffff",
    }


def test_the_record_is_a_line_of_a_zone_file() -> None:
    assert files.record(FOUND, "app.example.org.") == "app.example.org. 300 IN A 192.0.2.10\n"
