"""How processes are started: environment, unit text, launch files."""

from pathlib import Path

import pytest

from infra.host import launches, units
from infra.host.launches import Tree
from infra.host.layout import App
from infra.host.spec import DeploySpec, Source

APP = App("shop")
TREE = Tree("abc", "abc123", Path("/srv/shop/releases/abc/web"), Path("/srv/shop/python/venvs/x"))
SPEC = DeploySpec("shop", Source("pushed"), env=(("COLOR", "red"), ("LANG", "de")), secrets=(("KEY", "s"),))


def test_environment() -> None:
    assert launches.environment(APP, SPEC, TREE) == {
        "PATH": "/srv/shop/python/venvs/x/bin:/usr/local/bin:/usr/bin:/bin",
        "VIRTUAL_ENV": "/srv/shop/python/venvs/x",
        "HOME": "/srv/shop/data",
        "USER": "shop",
        "LANG": "de",
        "PYTHONUNBUFFERED": "1",
        "COLOR": "red",
        "KEY": "s",
        "DATA_DIR": "/srv/shop/data",
        "LAUNCHPAD_APP": "shop",
        "LAUNCHPAD_RELEASE": "abc",
        "LAUNCHPAD_REVISION": "abc123",
    }


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("", "--bind=127.0.0.1:20001"),
        ("--workers=3", "--bind=127.0.0.1:20001 --workers=3"),
        ("--bind=unix:/tmp/x", "--bind=unix:/tmp/x"),
        ("-b :80", "-b :80"),
    ],
)
def test_gunicorn_is_kept_on_loopback_unless_told_otherwise(given: str, found: str) -> None:
    env = launches.web_environment({"GUNICORN_CMD_ARGS": given}, 20001)
    assert env["GUNICORN_CMD_ARGS"] == found
    assert (env["HOST"], env["PORT"], env["UVICORN_PORT"]) == ("127.0.0.1", "20001", "20001")


def test_servers_that_ignore_port_are_told_it_in_their_own_words() -> None:
    assert launches.web_environment({}, 20001) == {
        "UVICORN_HOST": "127.0.0.1",
        "UVICORN_PORT": "20001",
        "FLASK_RUN_HOST": "127.0.0.1",
        "FLASK_RUN_PORT": "20001",
        "STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
        "STREAMLIT_SERVER_PORT": "20001",
        "STREAMLIT_SERVER_HEADLESS": "true",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": "20001",
        "GUNICORN_CMD_ARGS": "--bind=127.0.0.1:20001",
        "HOST": "127.0.0.1",
        "PORT": "20001",
    }


def test_the_apps_own_server_settings_win() -> None:
    assert launches.web_environment({"UVICORN_HOST": "::1"}, 1)["UVICORN_HOST"] == "::1"


def test_describe_names_secrets_without_their_values_elsewhere() -> None:
    launch = launches.describe("gunicorn app", TREE, {"KEY": "s"}, ("KEY",))
    assert launch == {
        "argv": ["/bin/bash", "-c", "gunicorn app"],
        "command": "gunicorn app",
        "cwd": "/srv/shop/releases/abc/web",
        "env": {"KEY": "s"},
        "release": "abc",
        "revision": "abc123",
        "secrets": ["KEY"],
    }


def test_digest_tells_changes() -> None:
    one = launches.digest({"env": {"A": "1", "B": "2"}})
    assert one == launches.digest({"env": {"B": "2", "A": "1"}})
    assert one != launches.digest({"env": {"A": "1", "B": "3"}})


def test_unit() -> None:
    before, after = units.template(APP, 12.5).split(units.HARDENING)
    assert before == (
        "# Written by launchpad-host; changes are overwritten by the next deployment.\n"
        "[Unit]\nDescription=shop (%i)\nAfter=network.target\nStartLimitIntervalSec=0\n\n"
        "[Service]\nType=exec\nUser=shop\nGroup=shop\n"
        "LoadCredential=launch:/etc/launchpad/shop/launch/%i.json\n"
        "ExecStart=/usr/bin/python3 -IS /usr/local/lib/launchpad/launch.py\n"
        "ExecStop=/usr/bin/python3 -IS /usr/local/lib/launchpad/stop.py\n"
        "Restart=always\nRestartSec=1\nKillMode=mixed\nTimeoutStopSec=12.5\nSyslogIdentifier=shop-%i\n"
        "ProtectSystem=strict\nReadWritePaths=/srv/shop/data\n"
    )
    closed, install = after.split("\n\n")
    assert closed == f"\nIPAddressDeny={' '.join(units.METADATA)}"
    assert install == "[Install]\nWantedBy=multi-user.target\n"


def test_the_metadata_services_are_closed_but_for_a_name_server() -> None:
    assert units.metadata("search x\nnameserver 127.0.0.53\n") == list(units.METADATA)
    open_ = set(units.METADATA) - set(units.metadata("nameserver 169.254.169.254\nnameserver\n"))
    assert open_ == {"169.254.169.254/32"}


def test_task_properties() -> None:
    found = units.task_properties(APP, ("/a", "/b"), 60)
    assert found[:7] == [
        "User=shop",
        "Group=shop",
        "RuntimeMaxSec=60",
        "KillMode=control-group",
        "ProtectSystem=strict",
        "ReadWritePaths=/a",
        "ReadWritePaths=/b",
    ]
    hardening = units.HARDENING.splitlines()
    assert found[7 : 7 + len(hardening)] == hardening
    assert found[7 + len(hardening) :] == [
        f"IPAddressDeny={' '.join(units.METADATA)}",
        *units.BACKGROUND.splitlines(),
        "LoadCredential=launch:/etc/launchpad/shop/task/launch.json",
    ]


def test_a_build_leaves_one_core_to_the_app() -> None:
    assert units.spare_core({3, 1, 2}) == ["CPUAffinity=2 3"]
    assert units.spare_core({0}) == []
