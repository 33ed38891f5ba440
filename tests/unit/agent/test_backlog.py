"""The kernel keeps connections that wait while the proxy reloads, and the machine gets its setting back."""

from pathlib import Path

import pytest

from infra.agent.proxy import backlog


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The kernel's setting, off."""
    path = tmp_path / "tcp_migrate_req"
    path.write_text("0\n")
    monkeypatch.setattr(backlog, "SETTING", path)
    monkeypatch.setattr(backlog, "DROPIN", tmp_path / "sysctl.d" / "60-launchpad-proxy.conf")
    return path


def test_it_is_on_now_and_after_a_reboot_until_launchpad_goes(setting: Path) -> None:
    backlog.keep()
    assert setting.read_text() == "1\n"
    assert "\n-net.ipv4.tcp_migrate_req = 1\n" in backlog.DROPIN.read_text()
    setting.write_text("0\n")  # somebody's hand
    backlog.keep()
    assert setting.read_text() == "1\n"
    backlog.as_before()
    assert setting.read_text() == "0\n"
    assert not backlog.DROPIN.exists()


def test_what_somebody_else_has_set_stays_theirs(setting: Path) -> None:
    setting.write_text("1\n")
    backlog.keep()
    assert not backlog.DROPIN.exists()
    backlog.as_before()
    assert setting.read_text() == "1\n"


def test_a_container_that_may_not_set_it_has_no_file_of_it(setting: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path, *_words: object, **_options: object) -> int:
        raise PermissionError(1, "Operation not permitted")

    writing = Path.write_text
    monkeypatch.setattr(
        Path, "write_text", lambda self, *a, **b: (refused if self == setting else writing)(self, *a, **b)
    )
    backlog.keep()
    assert not backlog.DROPIN.exists()
    assert setting.read_text() == "0\n"


def test_a_kernel_that_does_not_have_it_is_left_alone(setting: Path) -> None:
    setting.unlink()
    backlog.keep()
    backlog.as_before()
    assert not backlog.DROPIN.exists()
    assert not setting.exists()
