"""The keys that describe the app and its build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import readers, variables
from infra.config.key import Keys, key


@dataclass(frozen=True, kw_only=True)
class AppKeys(Keys):
    """The app: its repository and revision, its build, its start command, its environment."""

    title: ClassVar[str] = "The app"

    app: str = key(
        readers.app_name,
        default="app",
        description="""Name of the app and of the user that it runs as. With a new name the app comes up under it, and
            the former one is taken off the machine after that; until then it has its http_port or domain.""",
        example="shop",
        also=("name", "app_name"),
    )
    repository: str = key(
        readers.text,
        default="./app",
        description="""The app's git repository: a local path, or an https or ssh URL that the machine clones. A local
            repository is pushed to the machine over SSH, so the machine needs no key; a folder inside a work tree
            becomes the app's root.""",
        example="https://github.com/you/shop.git",
        also=("repo", "source", "url", "git"),
    )
    revision: str = key(
        readers.pattern(r"[^\s~^:?*\[\\-][^\s:?*\[\\]*", "a branch, a tag or a commit"),
        default="HEAD",
        description="""Branch, tag or commit to deploy; resolved to a commit at each preview and up. Only
            committed files are deployed.""",
        example="main",
        also=("branch", "tag", "commit", "ref"),
    )
    directory: str = key(
        readers.directory,
        description="The app's root inside the repository, if the repository holds more than the app.",
        example="services/shop",
        also=("path", "folder", "root", "subdirectory"),
    )
    allow_missing: tuple[str, ...] = key(
        readers.allow_missing,
        default="[]",
        description="""Content that is left out: lfs (Git LFS files arrive as pointers), submodules (their folders
            arrive empty). Without it a commit is refused if its submodules or Git LFS files below the app's directory
            cannot be had.""",
        example='["lfs"]',
        also=("lfs", "submodules"),
    )
    deploy_key: str = key(
        readers.ssh_key,
        description="""Private key (without a passphrase) that may read a private repository at an ssh URL. The
            workstation and the machine both use it.""",
        secret=True,
        also=("ssh_key", "private_key", "key"),
    )
    known_hosts: str = key(
        readers.text,
        description="The git server's known_hosts line; required for ssh repository URLs.",
        example="github.com ssh-ed25519 AAAA...",
        also=("known_host", "host_key"),
    )
    command: str = key(
        readers.command,
        description="""Start command of the web process; replaces the Procfile's `web:` line. It receives $PORT and
            $HOST.""",
        example="gunicorn shop:app",
        also=("start", "start_command", "cmd", "entrypoint"),
    )
    python: str = key(
        readers.python,
        description="""Python version; empty: the version in the repository's .python-version, else the machine's
            Python. Quote it in the file: YAML reads 3.10 as 3.1.""",
        example='"3.13"',
        also=("python_version", "version", "runtime"),
    )
    packages: tuple[str, ...] = key(
        readers.packages,
        default="[]",
        description="""Debian packages that the app needs, in addition to those that Launchpad knows its dependencies
            need. An entry with - in front leaves out one of the latter.""",
        example='["libpq5"]',
        also=("apt", "apt_packages", "system_packages"),
    )
    package_index: str = key(
        readers.http_url,
        description="Python package index (a mirror) to install from; empty: the machine's own setting.",
        shown=False,  # such a URL may hold a password
        example="https://pypi.example.org/simple/",
        also=("index_url", "pypi", "mirror"),
    )
    rebuild: str = key(
        readers.text,
        description="""Any text; changing it rebuilds the same commit with the newest versions of unpinned
            dependencies. Otherwise a commit that is already built keeps the versions from its first build.""",
        example="2026-11-25",
    )
    metadata_access: bool = key(
        readers.flag,
        default="false",
        description="""Whether the app and its build may access the cloud's metadata service (on EC2 it serves the
            credentials of the instance's role).""",
    )
    delete_data: bool = key(
        readers.flag,
        default="false",
        description="""true deletes what the app keeps in $DATA_DIR along with the app, when it is taken off a machine
            that stays: it is no longer in apps, launchpad:app gets another name, or the stack of a server is
            destroyed. It counts from the next up on.""",
        also=("deletes_data", "remove_data"),
    )
    env: dict[str, str] = key(
        variables.environment,
        default="{}",
        description="""Environment of the app; in a value, $DATA_DIR, $HOST, $PORT and $LAUNCHPAD_... stand for what
            Launchpad sets. A change restarts the same release; a change of UV_* or PIP_* variables, which the build
            receives too, rebuilds it. Set one variable: `pulumi config set --path launchpad:env.DEBUG 1`.""",
        example='{"DEBUG": "1"}',
        also=("environment", "variables", "vars"),
    )
    secrets: dict[str, str] = key(
        variables.environment,
        default="{}",
        description="""Secret environment of the app. Set one variable: `pulumi config set --secret --path
            launchpad:secrets.DATABASE_URL ...`.""",
        secret=True,
        also=("secret", "secret_env"),
    )
