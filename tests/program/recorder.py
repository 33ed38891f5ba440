"""Runs the whole program under Pulumi's mocks and records what it registers."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
from pulumi.runtime import config, mocks, rpc
from pulumi.runtime.settings import SETTINGS, set_root_resource
from pulumi.runtime.stack import run_in_stack

from tests.program import loops

ROOT = Path(__file__).parents[2]
HOST_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


def plain(value: Any, path: str = "", secrets: set[str] | None = None) -> Any:
    """A value with the wrappers of secrets taken off; where they were is added to ``secrets``."""
    if isinstance(value, dict) and rpc._special_sig_key in value:
        if secrets is not None:
            secrets.add(path)
        return plain(value["value"], path, secrets)
    if isinstance(value, dict):
        return {key: plain(item, f"{path}.{key}".lstrip("."), secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item, path, secrets) for item in value]
    return value


@dataclass(frozen=True)
class Registration:
    """One resource as the program asked for it; ``secrets`` are the paths of inputs that stay secret in the state."""

    type: str
    name: str
    inputs: dict[str, Any]
    secrets: frozenset[str]


@dataclass
class Recording(mocks.Mocks):
    """Answers every registration with plausible outputs, and keeps it."""

    registrations: list[Registration] = field(default_factory=list)
    invokes: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: set[str] = field(default_factory=set)

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        """Echo the inputs, with what the real resource would add."""
        inputs = {key: value for key, value in args.inputs.items() if key != "__provider"}
        secrets: set[str] = set()
        shown = plain(inputs, secrets=secrets)
        self.registrations.append(Registration(args.typ, args.name, shown, frozenset(secrets)))
        made: dict[str, Any] = {
            "address": "198.18.0.2",
            "local_ports": {"80": "28001", "8080": "28002"},
            "public_key": HOST_KEY,
            "private_key": pulumi.Output.secret("PRIVATE-canary"),
            "fingerprint": "SHA256:x",
            "instance_id": "i-1",
            "boot_id": "b-1",
            "stdout": '{"release": "0123456789ab"}',
        }
        if "GeneratedSecrets" in args.typ:
            inputs["values"] = {name: f"generated {name} canary" for name in inputs["names"]}
        return f"{args.name}-id", {**made, **inputs}

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        """No function is called by the embedded kind."""
        self.invokes.append((args.token, dict(args.args)))
        return {}, None

    def one(self, name: str) -> Registration:
        """The registration of that name; there must be just one."""
        (found,) = [each for each in self.registrations if each.name == name]
        return found


def record(values: Mapping[str, str], secret: tuple[str, ...] = (), answers: type[Recording] = Recording) -> Recording:
    """Run ``__main__.py`` with the given config of namespace launchpad; ``answers`` may know more kinds of resource.

    Raises what the program raises, such as ``pulumi.RunError``.
    """
    return run(lambda: runpy.run_path(str(ROOT / "__main__.py")), values, secret, answers)


def run(
    program: Callable[[], object],
    values: Mapping[str, str],
    secret: tuple[str, ...] = (),
    answers: type[Recording] = Recording,
    preview: bool = False,
) -> Recording:
    """Run any program, as ``record`` does."""
    recording = answers()
    loop = loops.fresh()
    mocks.set_mocks(recording, project="launchpad", stack="test", preview=preview)
    SETTINGS.outputs.clear()  # a program that failed leaves tasks of its loop, for which the next one would wait
    SETTINGS.rpc_manager.clear()
    set_root_resource(None)  # type: ignore[arg-type]
    held = {f"launchpad:{key}": value for key, value in values.items()}
    config.set_all_config(held, [f"launchpad:{key}" for key in secret])
    promised: dict[str, pulumi.Output[Any]] = {}

    def exporting() -> None:
        with patch.object(
            pulumi, "export", lambda name, value: promised.update({name: pulumi.Output.from_input(value)})
        ):
            program()

    async def running() -> None:
        await run_in_stack(exporting)
        recording.outputs = {name: await value.future() for name, value in promised.items()}
        recording.secret_outputs = {name for name, value in promised.items() if await value.is_secret()}

    loop.run_until_complete(running())
    return recording
