"""Where everything of an app is on the machine."""

from __future__ import annotations

import pwd
from dataclasses import dataclass
from pathlib import Path

from infra.agent.system.instances import JOB
from infra.protocol import paths

LIB = Path("/usr/local/lib/launchpad")
LAUNCHER = LIB / "launch.py"
STOPPER = LIB / "stop.py"
RECORDER = LIB / "record.py"
JOB_RECORDER = LIB / "record_job.py"
SERVER = Path(paths.SERVE)
PERSISTER = LIB / "persist.py"
COLLECTOR = LIB / "collect.py"
COMPRESSOR = LIB / "compress.py"
FILE_SERVER = LIB / "files.py"
TOOLS = LIB / "bin"
"""What stands in for uv, poetry and the like while an app runs (see tool_shim.py)."""
PERSON = LIB / "person"
"""The agent for people, who may use some of its verbs (see cli.py)."""
PEOPLE_KEYS = Path("/etc/ssh/launchpad")
"""The keys of people, a file each, root's: out of their reach."""
COMMAND = Path("/usr/local/bin") / paths.AGENT
OPT = Path("/opt/launchpad")
UV = OPT / "uv/bin/uv"
PYTHONS = OPT / "python"
SETTINGS = Path(paths.SETTINGS)
STATE = Path("/var/lib/launchpad")
UNITS = Path("/etc/systemd/system")
TMPFILES = Path("/etc/tmpfiles.d")
PROXY_USER = "launchpad-proxy"
"""The user of the proxy, and its group, which may read certificates and reach the apps' file servers."""
PROXY_STATE = Path("/var/lib") / PROXY_USER
"""Where the proxy keeps certificates that came by ACME; its own."""
PROXY_SETTINGS = SETTINGS / "proxy"
CADDYFILE = PROXY_SETTINGS / "Caddyfile"
CADDY_SOCKET = Path("/run") / PROXY_USER / "admin.sock"
BACKUPS = SETTINGS / "backup.d"
"""What each stack wants to be backed up, with the keys to its repository: root's, 0700. No app's name has a dot."""
BACKUP_STATE = STATE / "backup.d"
"""How the backups of each stack went."""
BACKUP_CACHE = Path("/var/cache/launchpad-backup")
BACKUP_USER = "launchpad-backup"
"""The user that a backup is unpacked and compared as, out of the app's reach."""
RUN = Path("/run/launchpad")
FILE_SOCKETS = Path("/run/launchpad-files")
MACHINE_LOCK = RUN / "machine.lock"
MACHINE_WANTED = RUN / "machine.wanted"
"""Locked, shared, by who waits for the machine alone; not ``*.lock``, as it keeps nobody out but for a while."""
SUSPENDED = Path("/run/launchpad-suspended")
PACKAGES_LOCK = RUN / "packages"
"""Locked while a deployment installs Debian packages; not ``*.lock``, as it keeps nobody from preparing the machine."""
FORMER_LOCKS = Path("/run/lock")
MOVED = ".moved-"
"""What the name of a directory gets, before the disk's id, once its content is on the disk for data (see moving.py)."""


def proxy_ids() -> tuple[int, int]:
    """The ids of the proxy's user and its group."""
    user = pwd.getpwnam(PROXY_USER)
    return user.pw_uid, user.pw_gid


@dataclass(frozen=True)
class App:
    """One app's names and paths. Nothing here touches the disk."""

    name: str

    @property
    def user(self) -> str:
        """The system user the app runs as."""
        return self.name

    @property
    def home(self) -> Path:
        """Everything of the app but its settings and secrets; root's."""
        return Path(paths.home(self.name))

    @property
    def repository(self) -> Path:
        """The kept bare clone; root's."""
        return self.home / paths.REPOSITORY

    @property
    def releases(self) -> Path:
        """One directory per release; root's, and open to the app only."""
        return self.home / "releases"

    @property
    def python(self) -> Path:
        """Virtualenvs and the installer's cache; root's, so that the app replaces neither by a link."""
        return self.home / "python"

    @property
    def virtualenvs(self) -> Path:
        """One directory per virtualenv; root's. Each virtualenv is the app's, and only its own build can write it."""
        return self.python / "venvs"

    @property
    def cache(self) -> Path:
        """The installer's cache; the app user's."""
        return self.python / "cache"

    @property
    def data(self) -> Path:
        """What the app keeps across releases (``$DATA_DIR``); the app user's."""
        return self.home / "data"

    @property
    def unpacked(self) -> Path:
        """Where a backup is unpacked, and what it replaced is kept until the app is healthy; root's, 0700."""
        return self.home / "unpacked"

    @property
    def restore(self) -> Path:
        """There while a backup takes the place of the data: which, and how far it has got."""
        return self.state / "restore.json"

    @property
    def settling(self) -> Path:
        """There while what a restore began is being ended, so that the app may start; gone after a reboot."""
        return RUN / f"app-{self.name}.settling"

    @property
    def tmp(self) -> Path:
        """What the app's processes have as /tmp and /var/tmp; root's, and the app's group writes to it."""
        return self.home / "tmp"

    @property
    def tmp_rule(self) -> Path:
        """Has systemd-tmpfiles empty ``tmp`` at boot, and remove what is old."""
        return TMPFILES / f"launchpad-{self.name}.conf"

    @property
    def static(self) -> Path:
        """The files that the proxy serves by itself, copies of root's (see public_files.py)."""
        return self.home / "static"

    @property
    def kept_static(self) -> Path:
        """One directory of static files per release; root's, readable for everybody."""
        return self.static / "kept"

    @property
    def files_socket(self) -> Path:
        """Where the proxy asks for the files below ``$DATA_DIR``; for root and the proxy only."""
        return FILE_SOCKETS / f"{self.name}.sock"

    @property
    def files_units(self) -> tuple[str, str, str]:
        """The names of these units in full, and of the folder of drop-ins; another app's begin with the same."""
        return f"{self.files_unit}.socket", f"{self.files_unit}.service", f"{self.files_unit}.service.d"

    @property
    def files_unit(self) -> str:
        """The name of the units that serve these files, without ``.socket`` or ``.service``."""
        return f"launchpad-{self.name}-files"

    @property
    def cache_unit(self) -> str:
        """The systemd unit of the app's cache; with a dot, it is no other app's."""
        return f"launchpad-{self.name}.cache.service"

    @property
    def cache_data(self) -> Path:
        """What the app's cache keeps, of the app's own data, so that a queue in it outlives all that the data does."""
        return self.data / ".redis"

    @property
    def settings(self) -> Path:
        """What ``prepare`` decided: ports, domain, limits."""
        return SETTINGS / self.name / "app.json"

    @property
    def preparation(self) -> Path:
        """The specification of the last ``prepare``, with the key of the certificate: root's, 0600."""
        return SETTINGS / self.name / "prepare.json"

    @property
    def specification(self) -> Path:
        """What an earlier version wrote instead of ``specifications``."""
        return SETTINGS / self.name / "deploy.json"

    @property
    def specifications(self) -> Path:
        """The specification with which each release last began to serve, secrets included: root's, 0600."""
        return SETTINGS / self.name / "specifications"

    @property
    def launches(self) -> Path:
        """How each process is started, secrets included: root's, 0600."""
        return SETTINGS / self.name / "launch"

    def launch(self, instance: str) -> Path:
        """How one process is started."""
        return self.launches / f"{instance}.json"

    @property
    def task_launch(self) -> Path:
        """How the running build, hook or ``release:`` process starts; not among the app's ``launches``."""
        return SETTINGS / self.name / "task" / "launch.json"

    @property
    def runs(self) -> Path:
        """How each command of ``run`` that is under way was started, secrets included: root's, 0700."""
        return SETTINGS / self.name / "runs"

    def run_launch(self, number: int) -> Path:
        """How one command of ``run`` is started; there as long as it is under way."""
        return self.runs / f"{number}.json"

    @property
    def metadata_access(self) -> Path:
        """Exists if the app may use the cloud's metadata service."""
        return SETTINGS / self.name / "metadata-access"

    @property
    def former_secrets(self) -> Path:
        """Former values of secrets, which the journal may hold. Root's, 0600."""
        return SETTINGS / self.name / "former-secrets.json"

    @property
    def kept(self) -> Path:
        """What has to outlive the machine beside the data: history, generated secrets; on the disk for data, if any."""
        return self.state / "kept"

    @property
    def generated(self) -> Path:
        """The secrets that were generated for the app. Root's, 0600."""
        return self.kept / "generated.json"

    @property
    def certificates(self) -> Path:
        """The app's own TLS certificate and key, or the root of a private ACME server; for root and the proxy."""
        return SETTINGS / "tls" / self.name

    @property
    def state(self) -> Path:
        """The app's history, and which slot is serving."""
        return STATE / self.name

    @property
    def serving(self) -> Path:
        """The directory whose files tell the proxy which slot is serving (see slots.py)."""
        return self.state / "serving"

    @property
    def suspended(self) -> Path:
        """Exists while the release that serves is stopped for the next one; gone after a reboot, which starts it."""
        return SUSPENDED / self.name

    @property
    def maintenance(self) -> Path:
        """The directory whose files tell the proxy that the site is closed (see proxy/maintenance.py)."""
        return self.state / "maintenance"

    @property
    def maintenance_history(self) -> Path:
        """When the site was closed and opened, and by whom: one JSON object a line, append-only."""
        return self.kept / "maintenance.jsonl"

    @property
    def maintenance_lock(self) -> Path:
        """Locked for an instant while the site is closed or opened."""
        return RUN / f"app-{self.name}.maintenance"

    @property
    def built(self) -> Path:
        """One file per release that is completely built."""
        return self.state / "built"

    @property
    def plans(self) -> Path:
        """What each built release needs of its plan to run (see kept_plans.py): root's, 0600."""
        return self.state / "plans"

    @property
    def trees(self) -> Path:
        """What the files of each built release look like (see built_trees.py): root's, 0600."""
        return self.state / "trees"

    @property
    def history(self) -> Path:
        """Every deployment, one JSON object a line, append-only."""
        return self.kept / "releases.jsonl"

    @property
    def run_history(self) -> Path:
        """Every command of ``run``, one JSON object a line, append-only."""
        return self.kept / "runs.jsonl"

    @property
    def starts(self) -> Path:
        """Which release each process was started with, and when (see starts.py)."""
        return self.state / "starts.json"

    @property
    def lock(self) -> Path:
        """Locked while a deployment runs."""
        return RUN / f"app-{self.name}.lock"

    @property
    def exchange_lock(self) -> Path:
        """Held while the app's data is exchanged; not ``*.lock``, as it is no deployment."""
        return RUN / f"app-{self.name}.exchange"

    @property
    def runs_lock(self) -> Path:
        """Locked for an instant while a command of ``run`` begins, and while it is decided which releases go."""
        return RUN / f"app-{self.name}.runs"

    @property
    def turns(self) -> Path:
        """Who waits for the lock, in order (see turns.py)."""
        return RUN / f"app-{self.name}.turns"

    @property
    def scratch(self) -> Path:
        """Keys and indexes of the deployment under way, in memory: root's, 0700. Emptied by the next deployment."""
        return RUN / f"app-{self.name}.scratch"

    @property
    def template(self) -> Path:
        """The systemd template of all the app's processes."""
        return UNITS / f"{self.name}@.service"

    def dropins(self, instance: str) -> Path:
        """The drop-ins of one instance's unit (see limits.py)."""
        return UNITS / f"{self.unit(instance)}.d"

    def all_dropins(self) -> list[Path]:
        """The folders of drop-ins that there are, of instances that run no more among them."""
        return sorted(UNITS.glob(f"{self.name}@*.service.d"))

    def unit(self, instance: str) -> str:
        """The systemd unit of a slot (blue, green), of another process (see ``instance``) or of a job (see ``job``)."""
        if instance.startswith(JOB):
            return f"{self.job_template.stem}{instance.removeprefix(JOB)}.service"
        return f"{self.name}@{instance}.service"

    def instance(self, unit: str) -> str:
        """The instance that one of the app's units runs; empty for a unit of anything else."""
        for prefix, before in ((f"{self.name}@", ""), (self.job_template.stem, JOB)):
            if unit.startswith(prefix):
                return before + unit.removeprefix(prefix).removesuffix(".service")
        return ""

    @property
    def job_template(self) -> Path:
        """The systemd template of all the app's scheduled jobs; with a dot, it is no other app's template."""
        return UNITS / f"launchpad-{self.name}.cron@.service"

    def timer(self, job: str) -> Path:
        """The systemd timer that starts a scheduled job."""
        return UNITS / f"{self.job_template.stem}{job}.timer"

    @property
    def jobs(self) -> Path:
        """How each scheduled job ended last, one file for each; root's."""
        return self.state / "jobs"

    def backup(self, what: str) -> str:
        """The transient unit that packs data or unpacks a snapshot; with a dot before that, it is no other app's."""
        return f"launchpad-{self.name}.{what}.service"

    def task(self, what: str) -> str:
        """The transient unit that builds, runs hooks or the ``release:`` process."""
        return f"launchpad-{self.name}-{what}.service"

    @property
    def every_run(self) -> str:
        """A pattern that fits the units of all commands of ``run``, and none of another app, such as its cache."""
        return self.run("[0-9]*")

    def run(self, number: int | str) -> str:
        """The transient unit of a command of ``run``."""
        # A dot is in no app's name: with a hyphen, the app a-run-1 would have units that look like those of a.
        return f"launchpad-{self.name}-run.{number}.service"
