"""Where everything of an app lives on the machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

LIB = Path("/usr/local/lib/launchpad")
LAUNCHER = LIB / "launch.py"
STOPPER = LIB / "stop.py"
COMMAND = Path("/usr/local/bin/launchpad-host")
OPT = Path("/opt/launchpad")
UV = OPT / "uv/bin/uv"
PYTHONS = OPT / "python"
SETTINGS = Path("/etc/launchpad")
STATE = Path("/var/lib/launchpad")
UNITS = Path("/etc/systemd/system")
CADDYFILE = Path("/etc/caddy/Caddyfile")
CADDY_DROPIN = UNITS / "caddy.service.d/launchpad.conf"
CADDY_SOCKET = Path("/run/caddy/admin.sock")
RUN = Path("/run/launchpad")
MACHINE_LOCK = RUN / "machine.lock"
FORMER_LOCKS = Path("/run/lock")

SLOTS = ("blue", "green")
"""The instances of an app's unit that take turns in serving ``web``."""
PREFIX = "process."


def instance(process: str) -> str:
    """The instance of the app's unit that runs a process other than ``web``.

    One that is called like a slot gets a prefix; no process can have a dot in its name.
    """
    return f"{PREFIX}{process}" if process in SLOTS else process


def process(instance: str) -> str:
    """The process that an instance runs; a slot is called by its own name."""
    return instance.removeprefix(PREFIX)


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
        return Path("/srv") / self.name

    @property
    def repository(self) -> Path:
        """The kept bare clone; root's."""
        return self.home / "repo.git"

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
    def settings(self) -> Path:
        """What ``prepare`` decided: ports, domain, limits."""
        return SETTINGS / self.name / "app.json"

    @property
    def specification(self) -> Path:
        """What a Launchpad before this one noted down instead of ``specifications``."""
        return SETTINGS / self.name / "deploy.json"

    @property
    def specifications(self) -> Path:
        """What each release was told when it last began to serve, secrets included: root's, 0600."""
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
        """How the running build, hook or ``release:`` process is started; apart from the processes' names."""
        return SETTINGS / self.name / "task" / "launch.json"

    @property
    def metadata_access(self) -> Path:
        """There where the app may use the cloud's metadata service."""
        return SETTINGS / self.name / "metadata-access"

    @property
    def former_secrets(self) -> Path:
        """Values that secrets had before: the journal may hold them. Root's, 0600."""
        return SETTINGS / self.name / "former-secrets.json"

    @property
    def certificates(self) -> Path:
        """The app's own TLS certificate and key, or the root of a private ACME server; for root and the proxy."""
        return SETTINGS / "tls" / self.name

    @property
    def state(self) -> Path:
        """The app's history and which slot serves."""
        return STATE / self.name

    @property
    def serving(self) -> Path:
        """The directory whose files tell the proxy which slot serves (see slots.py)."""
        return self.state / "serving"

    @property
    def built(self) -> Path:
        """One file per release that is completely built."""
        return self.state / "built"

    @property
    def history(self) -> Path:
        """Every deployment, one JSON object a line, append-only."""
        return self.state / "releases.jsonl"

    @property
    def lock(self) -> Path:
        """Locked while a deployment runs."""
        return RUN / f"app-{self.name}.lock"

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

    def unit(self, instance: str) -> str:
        """The systemd unit of a slot (blue, green) or of another process (see ``instance``)."""
        return f"{self.name}@{instance}.service"

    def task(self, what: str) -> str:
        """The transient unit that builds, runs hooks or the ``release:`` process."""
        return f"launchpad-{self.name}-{what}.service"
