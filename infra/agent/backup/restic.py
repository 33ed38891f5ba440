"""The command lines of restic, and what its errors mean. Pure but for ``run``.

No secret is in a command line: the password and the SSH key are in files of root's, the keys of a bucket in restic's
environment, which only root can read.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from infra.agent.backup.records import Places
from infra.agent.system import sh
from infra.agent.system.failure import Failure
from infra.protocol import backups
from infra.protocol.backups import BackupSpec, Sftp

PACKAGE = "restic"
TAG = "launchpad"
SSH = (
    "ssh -F none -i {key} -o IdentitiesOnly=yes -o BatchMode=yes -o StrictHostKeyChecking=yes "
    "-o UserKnownHostsFile={known_hosts} -o GlobalKnownHostsFile=none -o ConnectTimeout=20 "
    "-o ServerAliveInterval=30 -o ServerAliveCountMax=4 -p {port} {user}@{host} -s sftp"
)
ABSENT = ("Is there a repository at the following location", "unable to open config file", "repository does not exist")
LOCKED = "is locked by another program of restic's"
NOT_DELETED = re.compile(
    r"(Remove\(|remov|delet|unlink)[^\n]*(Access ?Denied|permission denied|Forbidden|operation not permitted)",
    re.IGNORECASE,
)
"""What restic says of a repository that is append-only."""
MEANINGS: tuple[tuple[str, str], ...] = (
    (
        r"wrong password or no key found",
        "has another password than launchpad:backup.password. Set the password that it was made with, or another place",
    ),
    (
        r"unsupported repository version",
        "was made by a newer restic than this machine has. Choose another place for its backups, or give it a newer "
        "system",
    ),
    (r"no space left on device|disk quota exceeded|QuotaExceeded", "is full. Make room there, or keep fewer backups"),
    (
        r"Host key verification failed|HOST IDENTIFICATION HAS CHANGED",
        "is on a server with another host key than launchpad:backup.host_key. Find out why before you change the key",
    ),
    (r"Permission denied \(", "is on a server that refuses launchpad:backup.private_key for this user"),
    (
        r"InvalidAccessKeyId|SignatureDoesNotMatch|Access Denied|AccessDenied|The Access Key Id",
        "is in a bucket that refuses launchpad:backup.access_key and secret_key, or lacks a permission for them",
    ),
    (r"The specified bucket does not exist|NoSuchBucket", "is in a bucket that does not exist"),
    (
        r"Connection refused|timed out|No route to host|Could not resolve|no such host|Network is unreachable|"
        r"Connection closed|Connection reset|network is unreachable|i/o timeout",
        "is not in reach of the machine",
    ),
    (r"repository is already locked|unable to create lock", LOCKED),
    (
        "|".join(ABSENT),
        "is gone: there is nothing of restic's at that place any more. Is its disk mounted? To begin a new one, choose "
        "another place",
    ),
    (r"permission denied", "cannot be written by the machine"),
)
"""What restic prints, as a regular expression, and what that means: the end of a sentence about the repository."""


NO_SESSION = re.compile("sftp session")
LIMIT = 12 * 3600.0
"""Seconds that restic may take: a server may answer so slowly that it never ends."""
LISTED = 600.0
"""The same for the list of the snapshots."""
ASKED = 60.0
"""Seconds that ssh may take to say why it cannot log in."""


@dataclass(frozen=True)
class Snapshot:
    """A backup of one app.

    Attributes:
        id: How restic calls it, in short.
        app: The app.
        when: When it was taken, as RFC 3339.
    """

    id: str
    app: str
    when: str


def command(spec: BackupSpec, places: Places, *words: str) -> list[str]:
    """A command line of restic.

    Args:
        spec: Where the repository is.
        places: Where its keys are.
        words: restic's own command.
    """
    server = backups.sftp(spec.repository)
    where, options = spec.repository, []
    if server:
        where = f"sftp:{server.user}@{server.host}:{server.path}"
        options = ["-o", f"sftp.command={ssh(server, places)}"]
    keys = ["--password-file", str(places.password), "--cache-dir", str(places.cache)]
    return [PACKAGE, "--repo", where, *keys, *options, *words]


def ssh(server: Sftp, places: Places) -> str:
    """The command that reaches an SFTP server."""
    return SSH.format(
        key=places.key, known_hosts=places.known_hosts, port=server.port, user=server.user, host=server.host
    )


def environment(spec: BackupSpec) -> dict[str, str]:
    """The variables of restic: the keys of a bucket; and it uses one processor, as the apps need the others."""
    found = {"GOMAXPROCS": "1", "HOME": "/nonexistent", "TMPDIR": "/var/tmp"}
    if spec.access_key:
        found |= {"AWS_ACCESS_KEY_ID": spec.access_key, "AWS_SECRET_ACCESS_KEY": spec.secret_key}
    return found


def backup(spec: BackupSpec, places: Places, app: str) -> list[str]:
    """Take a snapshot of an app from standard input."""
    named = ("--stdin", "--stdin-filename", f"{app}.tar", "--host", spec.owner, "--tag", f"{TAG},{tag(app)}")
    return command(spec, places, "backup", "--json", "--quiet", *named)


def snapshots(spec: BackupSpec, places: Places, app: str = "") -> list[str]:
    """List the snapshots of the stack's apps, or of one."""
    tags = f"{TAG},{tag(app)}" if app else TAG
    return command(spec, places, "snapshots", "--json", "--no-lock", "--host", spec.owner, "--tag", tags)


def dump(spec: BackupSpec, places: Places, snapshot: Snapshot) -> list[str]:
    """Print a snapshot of an app."""
    return command(spec, places, "dump", "--no-lock", snapshot.id, f"/{snapshot.app}.tar")


def forget(spec: BackupSpec, places: Places) -> list[str]:
    """Remove the snapshots of the stack that are not to stay; empty if all stay."""
    counts = [word for name, count in spec.keep.counts().items() for word in (f"--keep-{name}", str(count))]
    if not counts:
        return []
    scope = ("--host", spec.owner, "--tag", TAG, "--group-by", "host,tags")
    return command(spec, places, "forget", "--quiet", *scope, *counts, "--prune")


def look(spec: BackupSpec, places: Places) -> list[str]:
    """Tell whether there is a repository that can be used."""
    return command(spec, places, "cat", "config", "--no-lock")


def init(spec: BackupSpec, places: Places) -> list[str]:
    """Make a repository."""
    return command(spec, places, "init")


def check(spec: BackupSpec, places: Places) -> list[str]:
    """Check that all of a repository is there."""
    return command(spec, places, "check", "--quiet", "--no-lock")


def tag(app: str) -> str:
    """The tag of an app's snapshots."""
    return f"app={app}"


def parse(text: str) -> list[Snapshot]:
    """What ``snapshots`` prints, the oldest first."""
    try:
        found: list[dict[str, Any]] = json.loads(text or "[]") or []
        tagged = [(each, [name[4:] for name in each.get("tags") or [] if name.startswith("app=")]) for each in found]
        listed = [Snapshot(str(each["id"])[:8], apps[0], str(each["time"])) for each, apps in tagged if apps]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure(f"restic printed something else than a list of snapshots: {text[:200]}") from error
    return sorted(listed, key=lambda each: each.when)


def saved(text: str) -> str:
    """The snapshot that ``backup`` says it has taken; empty if it says so nowhere."""
    for line in reversed(text.splitlines()):
        try:
            found = json.loads(line)
        except ValueError:
            continue
        if isinstance(found, dict) and found.get("message_type") == "summary":
            return str(found.get("snapshot_id", ""))[:8]
    return ""


def meaning(spec: BackupSpec, errors: str) -> str:
    """What an error of restic's means, as a sentence, with its last lines where that may help."""
    where = f"The repository {spec.repository}"
    for pattern, means in MEANINGS:
        if re.search(pattern, errors):
            return f"{where} {means}."
    lines = [line for line in errors.strip().splitlines() if line.strip()][-4:]
    return f"{where} cannot be used: {' '.join(lines) or 'restic said nothing'}"


def is_absent(errors: str) -> bool:
    """Whether restic says that there is no repository yet."""
    return any(sign in errors for sign in ABSENT)


def why(spec: BackupSpec, places: Places, errors: str) -> str:
    """What an error of restic's means. Of a server that it could not log in to, ssh itself is asked.

    restic ends as soon as ssh does, often before it has printed what ssh says.
    """
    server = backups.sftp(spec.repository)
    if server and NO_SESSION.search(errors) and not any(re.search(pattern, errors) for pattern, _ in MEANINGS):
        done = sh.run(ssh(server, places).split(), timeout=ASKED, name="ssh")
        errors += f"\n{done.err}" if not done.ok else ""
    return meaning(spec, errors)


def tidy(spec: BackupSpec, places: Places, argv: list[str]) -> None:
    """Run ``forget``.

    Raises:
        Failure: What its error means; where nothing may be deleted, which key says that it is to be.
    """
    done = sh.run(argv, env=environment(spec), name="restic")
    if done.ok:
        return
    if NOT_DELETED.search(done.err):
        raise Failure(
            f"The repository {spec.repository} lets the machine delete nothing, but launchpad:backup.keep has it "
            "remove old backups. Where that is as it should be: pulumi config set --path launchpad:backup.keep '{}', "
            "and remove old ones from elsewhere. Otherwise give the machine's key the right to delete."
        )
    raise Failure(why(spec, places, done.err or done.out))


def run(spec: BackupSpec, places: Places, argv: list[str], timeout: float = LIMIT) -> str:
    """Run restic to its end; gives what it prints.

    Raises:
        Failure: What its error means.
    """
    done = sh.run(argv, env=environment(spec), timeout=timeout, name="restic")
    if not done.ok:
        raise Failure(why(spec, places, done.err or done.out))
    return done.out
