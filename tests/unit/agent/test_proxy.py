"""The proxy: what it refuses is told by its reason, and what cannot be asked has not drained."""

from collections.abc import Callable

import pytest

from infra.agent.proxy import caddy, certificates, proxy
from infra.agent.system import systemd
from infra.protocol.specs import Tls


@pytest.mark.parametrize(
    ("errors", "reason"),
    [
        ("", "(it gave none)"),
        ('{"level":"info"}\nError: adapting config: line 3\n', "Error: adapting config: line 3"),
        ('{"level":"error"}', '{"level":"error"}'),
        (
            'Error: sending configuration to instance: caddy responded with error: HTTP 400: {"error":"loading config: bind"}',
            "loading config: bind",
        ),
    ],
)
def test_the_reason_of_a_refusal(errors: str, reason: str) -> None:
    assert caddy.reason(errors) == reason


def answers(*values: int | None) -> Callable[[int], int | None]:
    left = list(values)
    return lambda _port: left.pop(0) if len(left) > 1 else left[0]


@pytest.mark.parametrize(
    ("asked", "running", "left"),
    [
        (answers(2, 1, 0), True, 0),
        (answers(2), True, 2),
        (answers(None), True, None),
        (answers(None, None, None, 0), True, 0),
        (answers(None), False, 0),
    ],
)
def test_a_proxy_that_cannot_be_asked_has_not_drained(
    asked: Callable[[int], int | None], running: bool, left: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proxy, "requests_under_way", asked)
    monkeypatch.setattr(systemd, "running", lambda _unit: running)
    monkeypatch.setattr(proxy, "LEAST_DRAIN", 0.02)
    assert proxy.drain(20001, 0.2) == left


def test_other_certificates_lie_in_another_folder() -> None:
    names = {certificates.folder_name(tls) for tls in (Tls(certificate="a", key="b"), Tls(certificate="b", key="a"))}
    assert len(names) == 2
    assert certificates.folder_name(Tls(certificate="a\n", key="b")) in names
    assert certificates.folder_name(Tls(acme_ca="https://ca/dir")) == ""
