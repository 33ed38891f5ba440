"""PostgreSQL's settings and files by exact text, and what is chosen before anything is done."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.agent.services import (
    postgres_dump,
    postgres_files,
    postgres_move,
    postgres_package,
    postgres_place,
    postgres_tuning,
    sql,
)
from infra.agent.services.postgres_place import Cluster
from infra.agent.services.postgres_tuning import Tuning
from infra.agent.system import files, manifest, owned, sh, systemd
from infra.agent.system.failure import Failure
from infra.protocol import database

MB = 2**20
OF_ALL_VERSIONS = (
    *("listen_addresses", "unix_socket_directories", "unix_socket_permissions", "hba_file", "ident_file"),
    *(
        "authentication_timeout",
        "client_connection_check_interval",
        "max_connections",
        "shared_buffers",
        "effective_cache_size",
        "maintenance_work_mem",
    ),
    *("work_mem", "random_page_cost", "log_destination", "logging_collector", "log_line_prefix", "log_checkpoints"),
    *("timezone", "log_timezone"),
)
"""Settings that PostgreSQL 14 has; a server of 14.23 was started with them by hand, and with pg_hba.conf as it is."""


@pytest.mark.parametrize(
    ("memory", "wanted"),
    [
        (300, Tuning(40, 32, 32, 128, 16, 4096)),
        (512, Tuning(51, 41, 64, 256, 32, 4096)),
        (1000, Tuning(102, 82, 128, 512, 64, 4096)),
        (2048, Tuning(200, 160, 256, 1024, 128, 4096)),
        (8192, Tuning(200, 160, 1024, 4096, 512, 5242)),
        (262144, Tuning(200, 160, 8192, 131072, 1024, 209715)),
    ],
)
def test_the_settings_follow_the_machines_memory(memory: int, wanted: Tuning) -> None:
    assert postgres_tuning.tuning(memory * MB) == wanted


def test_a_little_more_memory_changes_nothing_so_that_nothing_restarts() -> None:
    assert postgres_tuning.tuning(3800 * MB) == postgres_tuning.tuning(3880 * MB)


def test_the_configuration_listens_to_no_network_and_writes_to_the_journal() -> None:
    assert postgres_files.config(postgres_tuning.tuning(1024 * MB), 17) == (
        "# Written by launchpad-agent prepare; changes are overwritten by the next one.\n"
        "listen_addresses = ''\n"
        "unix_socket_directories = '/run/launchpad-postgresql'\n"
        "unix_socket_permissions = 0777\n"
        "hba_file = '/etc/launchpad/postgresql/pg_hba.conf'\n"
        "ident_file = '/etc/launchpad/postgresql/pg_ident.conf'\n"
        "authentication_timeout = 10s\n"
        "client_connection_check_interval = 10s\n"
        "max_connections = 102\n"
        "shared_buffers = 128MB\n"
        "effective_cache_size = 512MB\n"
        "maintenance_work_mem = 64MB\n"
        "work_mem = 4096kB\n"
        "random_page_cost = 1.1\n"
        "log_destination = 'stderr'\n"
        "logging_collector = off\n"
        "log_line_prefix = '%q%u@%d '\n"
        "log_checkpoints = off\n"
        "timezone = 'UTC'\n"
        "log_timezone = 'UTC'\n"
        "allow_alter_system = off\n"
    )


@pytest.mark.parametrize(("major", "alone"), [(14, False), (15, False), (16, False), (17, True), (18, True)])
def test_a_version_gets_no_setting_that_it_does_not_know(major: int, *, alone: bool) -> None:
    settings = [
        line.split(" = ")[0] for line in postgres_files.config(postgres_tuning.tuning(1024 * MB), major).splitlines()
    ]
    of_all = [*OF_ALL_VERSIONS, *(["allow_alter_system"] if alone else [])]
    assert settings[1:] == of_all


def test_only_the_socket_lets_in_and_only_the_kernel_says_who_comes() -> None:
    lines = [line for line in postgres_files.ACCESS_TEXT.splitlines() if not line.startswith("#")]
    assert lines == ["local all launchpad-postgres peer", "local samerole all peer"]
    assert [line for line in postgres_files.MAP_TEXT.splitlines() if not line.startswith("#")] == []


def test_the_unit_starts_the_server_of_its_version_and_reaches_no_network() -> None:
    text = postgres_files.unit(Path("/usr/lib/postgresql/17/bin"), Path("/mnt/launchpad/postgresql/17"), "abc")
    lines = text.splitlines()
    assert (
        "ExecStart=/usr/lib/postgresql/17/bin/postgres -D /mnt/launchpad/postgresql/17 "
        "-c config_file=/etc/launchpad/postgresql/postgresql.conf -c launchpad.files=abc"
    ) in lines
    for line in (
        *("User=launchpad-postgres", "Restart=always", "PrivateNetwork=yes", "ProtectSystem=strict"),
        *("ReadWritePaths=/mnt/launchpad/postgresql/17", "RequiresMountsFor=/mnt/launchpad/postgresql/17"),
        *("RuntimeDirectory=launchpad-postgresql", "KillSignal=SIGINT", "NoNewPrivileges=yes"),
    ):
        assert line in lines
    assert postgres_place.STARTED.findall(text) == ["/mnt/launchpad/postgresql/17"]


def test_another_file_is_another_version_so_that_the_server_starts_anew() -> None:
    small, large = postgres_tuning.tuning(1024 * MB), postgres_tuning.tuning(4096 * MB)
    programs, other = Path("/usr/lib/postgresql/17/bin"), Path("/mnt/launchpad/postgresql/17")
    of_each = [
        postgres_files.version(tuned, major, programs, data)
        for tuned in (small, large)
        for major in (16, 17)
        for data in (Path("/var/lib/launchpad-postgresql/17"), other)
    ]
    assert len(set(of_each)) == len(of_each)


def test_an_app_finds_its_database_by_variables_without_a_password() -> None:
    assert database.variables("shop", database.Database("postgres")) == {
        "DATABASE_URL": "postgresql://shop@/shop?host=/run/launchpad-postgresql",
        "PGHOST": "/run/launchpad-postgresql",
        "PGDATABASE": "shop",
        "PGUSER": "shop",
    }


def cluster(base: Path, name: str) -> None:
    (base / name).mkdir()
    (base / name / "PG_VERSION").touch()


def test_a_cluster_is_of_the_newest_version_or_of_that_of_its_databases(tmp_path: Path) -> None:
    (tmp_path / "17").mkdir()
    cluster(tmp_path, "17.new")  # of a run that was killed
    assert postgres_place.chosen(tmp_path, [15, 17]) == Cluster(tmp_path, 17)
    cluster(tmp_path, "15")
    assert postgres_place.chosen(tmp_path, [15, 17]) == Cluster(tmp_path, 15)


def test_databases_of_a_version_that_is_not_here_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"PostgreSQL's programs are not in /usr/lib/postgresql"):
        postgres_place.chosen(tmp_path, [])
    cluster(tmp_path, "15")
    with pytest.raises(Failure) as caught:
        postgres_place.chosen(tmp_path, [17])
    assert str(caught.value) == (
        f"The databases in {tmp_path} are of PostgreSQL 15, and this machine has PostgreSQL 17, which cannot read them. "
        'Nothing was changed. Bring them over by a dump: docs/databases.md, "A new major version".'
    )


@pytest.fixture
def disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The machine's own folder of databases, with one cluster, and that of its disk for data, which is empty."""
    own, data = tmp_path / "own", tmp_path / "data"
    own.mkdir()
    data.mkdir()
    cluster(own, "17")
    monkeypatch.setattr(postgres_move, "OWN_DISK", own)
    monkeypatch.setattr(postgres_move, "DATA_DISK", data)
    monkeypatch.setattr(systemd, "stop", lambda _unit: True)
    monkeypatch.setattr(files, "directory", lambda path, _mode: path.is_dir())
    monkeypatch.setattr(owned, "size", lambda _path: 1_000_000)
    monkeypatch.setattr(manifest, "FILE", tmp_path / "manifest")
    return own, data


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_databases_move_to_a_disk_that_comes_later(disks: tuple[Path, Path]) -> None:
    own, data = disks
    assert postgres_move.settle("") is False
    assert postgres_move.settle("mounted") is True
    assert (names(own), postgres_place.majors(data)) == (["17.moved"], [17])
    assert postgres_move.settle("mounted") is False
    postgres_move.end("mounted")
    assert (names(own), postgres_place.majors(data)) == ([], [17])


def test_a_move_that_was_killed_at_any_step_is_made_again(disks: tuple[Path, Path]) -> None:
    own, data = disks
    cluster(data, "17.new")  # half of a copy
    (data / "17.new" / "half").touch()
    (own / "17").rename(own / "17.moved")  # between the two renames
    assert postgres_move.settle("mounted") is True
    assert (names(own), names(data), names(data / "17")) == (["17.moved"], ["17"], ["PG_VERSION"])


def test_a_disk_that_is_too_small_is_refused_before_the_server_is_stopped(
    disks: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, data = disks
    stopped: list[str] = []
    monkeypatch.setattr(systemd, "stop", stopped.append)
    monkeypatch.setattr(files, "free_bytes", lambda _path: 30_000_000)
    with pytest.raises(Failure, match="The databases take 1 MB, and the disk for data has 30 MB free"):
        postgres_move.settle("mounted")
    assert (stopped, names(own), names(data)) == ([], ["17"], [])


def test_the_server_runs_on_where_its_databases_cannot_be_copied(
    disks: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    own, data = disks
    started: list[str] = []

    def full(_words: list[str], *, doing: str) -> None:
        (data / "17.new").mkdir()
        raise Failure(f"{doing} failed: no space left")

    monkeypatch.setattr(systemd, "start", started.append)
    monkeypatch.setattr(sh, "run", full)
    with pytest.raises(Failure, match="Copying the databases failed: no space left"):
        postgres_move.settle("mounted")
    assert (started, names(own), names(data)) == (["launchpad-postgresql.service"], ["17"], [])


def test_a_former_cluster_counts_no_more_once_its_copy_is_in_place(disks: tuple[Path, Path]) -> None:
    own, data = disks
    (own / "17").rename(own / "17.moved")
    cluster(data, "17")
    assert postgres_move.settle("mounted") is False
    postgres_move.end("mounted")
    assert (names(own), names(data)) == ([], ["17"])


def test_the_packages_stay_where_somebody_has_a_cluster_that_a_purge_would_remove(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgres_package, "CLUSTERS", tmp_path)
    assert postgres_package.still_needed() == frozenset()
    (tmp_path / "17/main").mkdir(parents=True)
    assert postgres_package.still_needed() == frozenset()
    (tmp_path / "17/main/postgresql.conf").touch()
    assert postgres_package.still_needed() == {"postgresql"}


def test_extensions_that_are_there_are_left_out_of_a_load() -> None:
    listed = (
        "; Archive created at 2026-11-27\n"
        "2; 3079 16389 EXTENSION - pg_trgm \n"
        "3500; 0 0 COMMENT - EXTENSION pg_trgm \n"
        "3; 3079 16390 EXTENSION - uuid-ossp \n"
        '3501; 0 0 COMMENT - EXTENSION "uuid-ossp" \n'
        "220; 1259 16400 TABLE public EXTENSION shop\n"
        "219; 1259 16400 TABLE public pg_trgm shop\n"
    )
    assert postgres_dump.without(listed, {"pg_trgm", "uuid-ossp"}) == (
        "; Archive created at 2026-11-27\n"
        "220; 1259 16400 TABLE public EXTENSION shop\n"
        "219; 1259 16400 TABLE public pg_trgm shop\n"
    )


def test_names_and_texts_end_where_they_should() -> None:
    assert (sql.name('a"b-c'), sql.text("a'b")) == ('"a""b-c"', "'a''b'")
