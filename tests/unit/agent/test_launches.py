"""How processes are started: environment, unit text, launch files."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.agent.process import environments, launch_file, units
from infra.agent.process.environments import Tree
from infra.agent.process.launch_file import Launch
from infra.agent.system.layout import App
from infra.protocol import codec
from infra.protocol.codec import SCHEMA
from infra.protocol.specs import DeploySpec, Health, Source

APP = App("shop")
TREE = Tree("abc", "abc123", Path("/srv/shop/releases/abc/web"), Path("/srv/shop/python/venvs/x"))
SPEC = DeploySpec("shop", Source("pushed"), env=(("COLOR", "red"), ("LANG", "de")), secrets=(("KEY", "s"),))


def test_environment() -> None:
    assert environments.release(APP, SPEC, TREE) == {
        "PATH": "/srv/shop/python/venvs/x/bin:/usr/local/lib/launchpad/bin:/usr/local/bin:/usr/bin:/bin",
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
    env = environments.web({"GUNICORN_CMD_ARGS": given}, 20001, 3)
    assert env["GUNICORN_CMD_ARGS"] == found
    assert (env["HOST"], env["PORT"], env["UVICORN_PORT"]) == ("127.0.0.1", "20001", "20001")


def test_servers_that_ignore_port_are_told_it_in_their_own_words() -> None:
    assert environments.web({}, 20001, 3) == {
        "WEB_CONCURRENCY": "3",
        **dict.fromkeys(("UVICORN_HOST", "FLASK_RUN_HOST", "QUART_RUN_HOST", "GRANIAN_HOST"), "127.0.0.1"),
        **dict.fromkeys(("LITESTAR_HOST", "ROBYN_HOST", "CHAINLIT_HOST"), "127.0.0.1"),
        **dict.fromkeys(("STREAMLIT_SERVER_ADDRESS", "GRADIO_SERVER_NAME"), "127.0.0.1"),
        **dict.fromkeys(("UVICORN_PORT", "FLASK_RUN_PORT", "QUART_RUN_PORT", "GRANIAN_PORT"), "20001"),
        **dict.fromkeys(("LITESTAR_PORT", "ROBYN_PORT", "CHAINLIT_PORT"), "20001"),
        **dict.fromkeys(("STREAMLIT_SERVER_PORT", "GRADIO_SERVER_PORT"), "20001"),
        "STREAMLIT_SERVER_HEADLESS": "true",
        "GUNICORN_CMD_ARGS": "--bind=127.0.0.1:20001",
        "HOST": "127.0.0.1",
        "PORT": "20001",
    }


def test_bokeh_takes_websockets_of_the_apps_own_page() -> None:
    base = {"LAUNCHPAD_URL": "http://shop.localhost:28001/"}
    assert environments.web(base, 1, 3)["BOKEH_ALLOW_WS_ORIGIN"] == "shop.localhost:28001"


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        (
            {"url": "http://198.18.0.2:8080/"},
            {"LAUNCHPAD_URL": "http://198.18.0.2:8080/", "LAUNCHPAD_DOMAIN": "198.18.0.2"},
        ),
        ({"domain": "a.org"}, {"LAUNCHPAD_URL": "https://a.org/", "LAUNCHPAD_DOMAIN": "a.org"}),
        ({"health": Health(host="198.18.0.2")}, {"LAUNCHPAD_DOMAIN": "198.18.0.2"}),
    ],
)
def test_the_app_is_told_where_visitors_reach_it(spec: dict[str, Any], told: dict[str, str]) -> None:
    environment = environments.release(APP, replace(SPEC, **spec), TREE)
    assert {name: value for name, value in environment.items() if name in ("LAUNCHPAD_URL", "LAUNCHPAD_DOMAIN")} == told


@pytest.mark.parametrize(
    ("value", "expanded"),
    [
        ("sqlite:///$DATA_DIR/x.db", "sqlite:////srv/shop/data/x.db"),
        ("${DATA_DIR}x $HOST:$PORT", "/srv/shop/datax 127.0.0.1:20001"),
        ("$LAUNCHPAD_APP-$LAUNCHPAD_RELEASE", "shop-abc"),
        ("$$DATA_DIR $${PORT}", "$DATA_DIR ${PORT}"),
        (
            "pa$$word $2b$12$x $HOME $DATA_DIRECTORY ${DATA_DIR $ $$",
            "pa$$word $2b$12$x $HOME $DATA_DIRECTORY ${DATA_DIR $ $$",
        ),
    ],
)
def test_only_what_launchpad_sets_is_replaced_in_a_value(value: str, expanded: str) -> None:
    spec = replace(SPEC, env=(("X", value),), secrets=(("S", value),))
    environment = environments.release(APP, spec, TREE, port=20001)
    assert (environment["X"], environment["S"]) == (expanded, value)


def test_a_process_that_has_no_port_is_told_none() -> None:
    spec = replace(SPEC, env=(("X", "$HOST:$PORT"),))
    assert environments.release(APP, spec, TREE)["X"] == "127.0.0.1:$PORT"


@pytest.mark.parametrize("kind", ["env", "secrets"])
def test_the_apps_own_host_is_for_every_process_but_web(kind: str) -> None:
    """Case 35: an app means the host of its database by HOST."""
    data = {"schema": SCHEMA, "app": "shop", "source": {"kind": "pushed"}, kind: {"HOST": "db.example.org"}}
    given = codec.load(DeploySpec, data)
    every = environments.release(APP, given, TREE)
    assert (every["HOST"], environments.web(every, 20001, 1)["HOST"]) == ("db.example.org", "127.0.0.1")


def test_the_apps_own_variables_win_over_those_of_its_framework() -> None:
    environment = environments.release(APP, SPEC, TREE, {"COLOR": "blue", "FLASK_RUN_FROM_CLI": "true"})
    assert (environment["COLOR"], environment["FLASK_RUN_FROM_CLI"]) == ("red", "true")


def test_the_apps_own_server_settings_win() -> None:
    assert environments.web({"UVICORN_HOST": "::1"}, 1, 3)["UVICORN_HOST"] == "::1"


def test_describe_names_secrets_without_their_values_elsewhere() -> None:
    launch = launch_file.describe("gunicorn app", TREE, {"KEY": "s"}, ("KEY",))
    assert launch == Launch(
        argv=("/bin/bash", "-c", "gunicorn app"),
        command="gunicorn app",
        cwd="/srv/shop/releases/abc/web",
        env={"KEY": "s"},
        release="abc",
        revision="abc123",
        secrets=("KEY",),
    )
    assert "KEY" in repr(launch)
    assert "'s'" not in repr(launch)


def test_a_launch_is_read_as_it_was_written(tmp_path: Path) -> None:
    launch = Launch(("a", "b"), "/", {"A": "1"}, "a b", "abc", "abc123", ("A",), "x", True, True)
    path = tmp_path / "launch"
    path.write_text(launch.text())
    assert launch_file.read(path) == launch
    path.write_text(json.dumps({**json.loads(launch.text()), "of a later version": 1}))
    assert launch_file.read(path) == launch


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"argv": []}', '{"argv": 1, "cwd": "/", "env": {}}', "{"])
def test_a_damaged_launch_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "launch").write_text(text)
    assert launch_file.read(tmp_path / "launch") is None
    assert launch_file.read(tmp_path / "nowhere") is None


def test_digest_tells_changes() -> None:
    digest = launch_file.digest({"A": "1", "B": "2"})
    assert digest == launch_file.digest({"B": "2", "A": "1"})
    assert digest != launch_file.digest({"A": "1", "B": "3"})


def test_unit() -> None:
    before, after = units.template(APP, 12.5).split(units.HARDENING)
    assert before == (
        "# Written by launchpad-agent; changes are overwritten by the next deployment.\n"
        "[Unit]\nDescription=shop (%i)\nAfter=network.target launchpad-shop.cache.service "
        "launchpad-postgresql.service\n"
        "ConditionPathExists=|!/var/lib/launchpad/shop/restore.json\n"
        "ConditionPathExists=|/run/launchpad/app-shop.settling\nStartLimitIntervalSec=0\n\n"
        "[Service]\nType=exec\nUser=shop\nGroup=shop\n"
        "LoadCredential=launch:/etc/launchpad/shop/launch/%i.json\n"
        "ExecStart=/usr/bin/python3 -IS /usr/local/lib/launchpad/launch.py\n"
        "ExecStop=/usr/bin/python3 -IS /usr/local/lib/launchpad/stop.py 12.5\nKillMode=mixed\nTimeoutStopSec=22.5\n"
        "Restart=always\nRestartSec=1\nSyslogIdentifier=shop-%i\n"
        "ProtectSystem=strict\nReadWritePaths=/srv/shop/data\n"
    )
    own, install = after.split("\n\n")
    tmp, closed = own.strip().split("\n")
    assert tmp == "BindPaths=/srv/shop/tmp:/tmp /srv/shop/tmp:/var/tmp"
    assert closed == f"IPAddressDeny={' '.join(units.METADATA)}"
    assert install == "[Install]\nWantedBy=multi-user.target\n"


def test_the_metadata_services_are_closed_but_for_a_name_server() -> None:
    assert units.metadata("search x\nnameserver 127.0.0.53\n") == list(units.METADATA)
    open_ = set(units.METADATA) - set(units.metadata("nameserver 169.254.169.254\nnameserver\n"))
    assert open_ == {"169.254.169.254/32"}


def test_task_properties() -> None:
    found = units.task_properties(APP, ("/a", "/b"), 60, units.OWN_TMP)
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


def test_the_tmp_of_an_app_is_emptied_at_boot_and_cleaned_by_age() -> None:
    rule = units.tmp_rule(APP).splitlines()[-1]
    assert rule == "D /srv/shop/tmp 1770 root shop 10d"
