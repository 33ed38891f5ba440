"""A backup as a stream: everything that an app can have in its folder goes in and comes out, and nothing else does."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import stat
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest

from infra.agent.backup import archive, databases, pack, streams, unpack
from infra.agent.system.failure import Failure

WRITER = """\
import itertools, sqlite3, sys
database = sqlite3.connect(sys.argv[1], timeout=60)
for number in itertools.count():
    with database:
        database.execute("INSERT INTO orders (text) VALUES (?)", ("x" * 200,))
    if not number:
        print("written", flush=True)
"""


def packed(top: Path, scratch: Path) -> bytes:
    output = io.BytesIO()
    pack.Packer(top, output, scratch).pack()
    return output.getvalue()


def unpacked(stream: bytes, place: Path) -> unpack.Compared:
    (place / "data").mkdir(parents=True)
    unpack.unpack(io.BytesIO(stream), place / "data", place / "manifest.jsonl")
    return unpack.compare(place / "data", place / "manifest.jsonl")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    folder = tmp_path / "top"
    folder.mkdir()
    return folder


def test_files_folders_links_and_databases_come_back_as_they_were(top: Path, tmp_path: Path) -> None:
    (top / "media" / "empty").mkdir(parents=True)
    (top / "media" / "photo.jpg").write_bytes(os.urandom(3_000_000))
    (top / "media" / "photo.jpg").chmod(0o640)
    os.utime(top / "media", (1_000_000, 1_000_000))
    Path(os.fsdecode(os.fsencode(top) + b"/caf\xe9")).write_text("a name that is no UTF-8")
    (top / "shadow").symlink_to("/etc/shadow")
    with (top / "holes").open("wb") as stream:
        stream.seek(50_000_000)
        stream.write(b"end")
    with sqlite3.connect(top / "db.sqlite3") as database:
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        database.executemany("INSERT INTO orders VALUES (?)", [(number,) for number in range(1, 101)])
    found = unpacked(packed(top, tmp_path), tmp_path / "out")
    assert (found.problems, found.notes) == ([], [])
    assert (found.files, found.databases, found.rows) == (4, 1, 100)
    out = tmp_path / "out" / "data"
    assert (out / "media" / "photo.jpg").read_bytes() == (top / "media" / "photo.jpg").read_bytes()
    assert stat.S_IMODE((out / "media" / "photo.jpg").stat().st_mode) == 0o640
    assert (out / "media").stat().st_mtime == 1_000_000
    assert (out / "media" / "empty").is_dir()
    assert os.readlink(out / "shadow") == "/etc/shadow"  # noqa: PTH115 - the text
    assert (out / "holes").read_bytes() == (top / "holes").read_bytes()
    assert (out / "holes").stat().st_blocks * 512 < 10_000_000
    assert {path.name for path in out.iterdir()} == {path.name for path in top.iterdir()}


def test_what_has_no_contents_is_left_out_and_keeps_nobody_waiting(top: Path, tmp_path: Path) -> None:
    os.mkfifo(top / "pipe")
    (top / "note").write_text("here")
    found = unpacked(packed(top, tmp_path), tmp_path / "out")
    assert (found.files, found.problems, found.notes) == (1, [], [])
    assert [path.name for path in (tmp_path / "out" / "data").iterdir()] == ["note"]


def test_a_database_is_packed_as_it_is_at_one_moment_though_it_is_written_to(top: Path, tmp_path: Path) -> None:
    path = top / "db.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, text TEXT)")
    # A process, and no thread: a child that is forked while a thread uses SQLite has its locks for ever.
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline()
        streams = [packed(top, tmp_path) for _ in range(5)]
    finally:
        writer.kill()
        writer.communicate()
    for number, stream in enumerate(streams):
        found = unpacked(stream, tmp_path / str(number))
        assert found.problems == []
        out = tmp_path / str(number) / "data"
        assert sorted(path.name for path in out.iterdir()) == ["db.sqlite3"], "what SQLite keeps beside it is in it"
        with sqlite3.connect(out / "db.sqlite3") as restored:
            (integrity,) = restored.execute("PRAGMA integrity_check").fetchone()
            rows, last = restored.execute("SELECT count(*), coalesce(max(id), 0) FROM orders").fetchone()
        assert (integrity, rows) == ("ok", last)


def test_databases_are_packed_before_the_files_that_their_rows_name(top: Path, tmp_path: Path) -> None:
    for name in ("site/rows.db", "top.sqlite3"):
        (top / name).parent.mkdir(exist_ok=True)
        with sqlite3.connect(top / name) as database:
            database.execute("CREATE TABLE photos (name TEXT)")
    (top / "media").mkdir()
    (top / "media" / "photo").write_bytes(bytes(1024))
    (top / "site" / "about").write_text("a file beside one")
    stream = packed(top, tmp_path)
    with tarfile.open(fileobj=io.BytesIO(stream)) as tar:
        names = [name.removeprefix("data/") for name in tar.getnames()[:-1]]
    assert names == ["top.sqlite3", "site", "site/rows.db", "media", "media/photo", "site/about"]
    found = unpacked(stream, tmp_path / "out")
    assert (found.problems, found.notes, found.files, found.databases) == ([], [], 4, 2)


def test_what_only_the_wal_of_a_killed_app_has_is_in_the_copy(top: Path, tmp_path: Path) -> None:
    path = top / "db.sqlite3"
    child = os.fork()
    if not child:
        database = sqlite3.connect(path)
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY)")
        database.execute("INSERT INTO orders VALUES (7)")
        database.commit()
        os._exit(0)
    os.waitpid(child, 0)
    assert (top / "db.sqlite3-wal").stat().st_size > 0
    found = unpacked(packed(top, tmp_path), tmp_path / "out")
    assert (found.problems, found.rows) == ([], 1)


def test_a_database_that_sqlite_cannot_read_is_packed_as_a_file_with_all_beside_it(top: Path, tmp_path: Path) -> None:
    (top / "odd.db").write_bytes(databases.MAGIC + b"\xff" * 5000)
    (top / "odd.db-wal").write_bytes(b"something")
    found = unpacked(packed(top, tmp_path), tmp_path / "out")
    assert (found.files, found.databases, found.problems) == (2, 0, [])
    assert found.notes == ["odd.db: SQLite cannot read it, so it is packed as a file"]
    assert (tmp_path / "out" / "data" / "odd.db").read_bytes() == (top / "odd.db").read_bytes()


def test_a_damaged_database_is_told(top: Path, tmp_path: Path) -> None:
    with sqlite3.connect(top / "db.sqlite3") as database:
        database.execute("CREATE TABLE orders (text TEXT)")
        database.execute("CREATE INDEX by_text ON orders (text)")
        database.executemany("INSERT INTO orders VALUES (?)", [(f"{number:05}" * 20,) for number in range(2000)])
    with (top / "db.sqlite3").open("r+b") as stream:
        stream.seek(40 * 4096)
        stream.write(b"\x00" * 4096)
    found = unpacked(packed(top, tmp_path), tmp_path / "out")
    assert len(found.problems) == 1
    assert found.problems[0].startswith("db.sqlite3: SQLite finds it damaged: ")


def test_what_differs_from_the_manifest_is_named(top: Path, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (top / name).write_text(name)
    place = tmp_path / "out"
    unpacked(packed(top, tmp_path), place)
    (place / "data" / "a").write_text("A")
    (place / "data" / "b").unlink()
    (place / "data" / "d").write_text("d")
    found = unpack.compare(place / "data", place / "manifest.jsonl")
    assert found.problems == [
        "a: has other contents than were packed",
        "b: No such file or directory",
        "3 files were packed, and 2 are in the manifest",
        "2 files and folders were packed, and 3 are there",
    ]


def test_a_stream_that_is_cut_off_is_no_backup(top: Path, tmp_path: Path) -> None:
    (top / "a").write_bytes(os.urandom(100_000))
    stream = packed(top, tmp_path)
    for length in (0, 512, 50_000, 101_376):
        with pytest.raises(unpack.Damaged):
            unpacked(stream[:length], tmp_path / str(length))


@pytest.mark.parametrize("name", ["/etc/passwd", "data/../../up", "data", "other/file", "data/.."])
def test_a_stream_that_leads_out_of_its_folder_is_refused(name: str, tmp_path: Path) -> None:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w|") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(unpack.Damaged, match="leads out of the app's data"):
        unpacked(output.getvalue(), tmp_path / "out")


def test_a_stream_writes_through_no_link_of_its_own(tmp_path: Path) -> None:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w|") as tar:
        link = tarfile.TarInfo("data/out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        tar.addfile(link)
        tar.addfile(tarfile.TarInfo("data/out/written"))
    with pytest.raises(FileNotFoundError):
        unpacked(output.getvalue(), tmp_path / "place")
    assert not (tmp_path / "written").exists()


def test_roots_part_is_read_to_its_last_byte_and_no_further() -> None:
    kept = {"kept/releases.jsonl": b'{"event": "end"}\n' * 100, "kept/generated.json": b"{}"}
    stream = io.BytesIO(archive.head({"app": "shop"}, kept) + b"the app's own")
    about, read = archive.read_head(stream)
    assert (about, read) == ({"app": "shop", "format": 1, "members": 2}, kept)
    assert stream.read() == b"the app's own"


def test_a_person_reads_a_backup_with_tar_alone(top: Path, tmp_path: Path) -> None:
    (top / "note").write_text("mine")
    whole = archive.head({"app": "shop"}, {"kept/generated.json": b"{}"}) + packed(top, tmp_path)
    with tarfile.open(fileobj=io.BytesIO(whole), mode="r|") as tar:
        names = [info.name for info in tar]
    assert names == ["launchpad.json", "kept/generated.json", "data/note", "manifest.jsonl"]
    assert json.loads(whole[512:].split(b"\0")[0])["app"] == "shop"


@pytest.mark.parametrize(
    ("stream", "told"),
    [
        (b"", "This snapshot is cut off."),
        (bytes(2048), "is not a backup of Launchpad's"),
        (archive.head({}, {})[:600], "This snapshot is cut off."),
        (archive.head({}, {}).replace(b'"format": 1', b'"format": 7'), "has format 7, and this Launchpad knows 1"),
        (archive.head({}, dict.fromkeys(map(str, range(101)), b"")), "is not a backup of Launchpad's"),
    ],
)
def test_what_is_no_backup_is_told(stream: bytes, told: str) -> None:
    with pytest.raises(Failure, match=told):
        archive.read_head(io.BytesIO(stream))


def test_a_dump_of_the_database_is_between_roots_part_and_the_apps() -> None:
    dump = io.BytesIO(os.urandom(70_001))
    stream = io.BytesIO()
    streams.Kept({"app": "shop"}, {"kept/generated.json": b"{}"}, dump).write(stream)
    stream.write(b"the app's own")
    stream.seek(0)
    about, kept = archive.read_head(stream)
    assert kept == {"kept/generated.json": b"{}"}
    with tempfile.TemporaryFile() as target:
        archive.copy_dump(stream, about, target)
        target.seek(0)
        assert target.read() == dump.getvalue()
    assert stream.read() == b"the app's own"
    damaged = bytearray(stream.getvalue())
    damaged[5000] ^= 1
    again = io.BytesIO(bytes(damaged))
    with pytest.raises(Failure, match="The dump of the database is not what was packed"):
        archive.copy_dump(again, archive.read_head(again)[0], None)


@pytest.mark.parametrize("noted", [{}, {"size": -1, "sha256": ""}, {"size": "9", "sha256": ""}, {"size": 9}])
def test_a_dump_of_no_size_is_refused(noted: dict[str, object]) -> None:
    with pytest.raises(Failure, match="is not a backup of Launchpad's"):
        archive.copy_dump(io.BytesIO(bytes(4096)), {"database": noted}, None)


def test_root_keeps_a_limited_part_of_a_backup_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "LARGEST", 1000)
    stream = archive.head({}, {"one": bytes(600), "two": bytes(600)})
    with pytest.raises(Failure, match="is not a backup of Launchpad's"):
        archive.read_head(io.BytesIO(stream))


def of_manifest(place: Path, *entries: object) -> list[str]:
    """What is found wrong with a folder by a manifest that the app has written itself."""
    (place / "manifest.jsonl").write_text("".join(f"{json.dumps(entry)}\n" for entry in entries))
    return unpack.compare(place / "data", place / "manifest.jsonl").problems


def test_a_manifest_that_names_what_has_no_end_or_is_elsewhere_keeps_nobody_waiting(tmp_path: Path) -> None:
    (tmp_path / "data" / "folder").mkdir(parents=True)
    (tmp_path / "data" / "devices").symlink_to("/dev")
    (tmp_path / "data" / "zero").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "data" / "folder" / "pipe")
    names = ("/dev/zero", "../../dev/zero", "devices/zero", "zero", "folder/pipe", "folder", "")
    problems = of_manifest(tmp_path, *({"file": name, "sha256": ""} for name in names))
    assert problems[: len(names)] == [
        "/dev/zero: leads out of the app's data",
        "../../dev/zero: leads out of the app's data",
        "devices/zero: Not a directory",
        "zero: Too many levels of symbolic links",
        "folder/pipe: is no file",
        "folder: is no file",
        ": leads out of the app's data",
    ]


@pytest.mark.parametrize("entry", [7, {"file": "a"}, {"end": 1}, {"note": "a"}, {"file": "a", "database": {}}])
def test_a_manifest_that_is_none_is_told(entry: object, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").touch()
    with pytest.raises(unpack.Damaged, match="The manifest of the snapshot is damaged"):
        of_manifest(tmp_path, entry)


def test_files_of_holes_that_no_disk_could_have_are_not_read_to_their_end(top: Path, tmp_path: Path) -> None:
    (top / "note").write_text("mine")
    with (top / "holes").open("wb") as stream:
        stream.truncate(5_000_000)
    packer = pack.Packer(top, io.BytesIO(), tmp_path)
    assert packer.most > 5_000_000
    packer.most = 5_000_000
    with pytest.raises(pack.TooLargeError, match=r"more than the disk has, so some are mostly holes, .* Remove note,"):
        packer.pack()


def test_folders_that_are_nested_too_deeply_are_named_and_all_else_is_packed(top: Path, tmp_path: Path) -> None:
    deep = top.joinpath(*["d"] * 700)
    deep.mkdir(parents=True)
    (deep / "lost").touch()
    (top / "note").write_text("mine")
    found = unpacked(packed(top, tmp_path), tmp_path / "out")
    assert (found.files, found.problems) == (1, [])
    assert [note.rpartition(": ")[2] for note in found.notes] == [pack.TOO_DEEP]


def test_copies_of_databases_are_on_a_disk_and_not_in_memory() -> None:
    assert Path("/var/tmp") == pack.SCRATCH
