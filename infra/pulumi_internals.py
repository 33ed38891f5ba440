"""All uses of Pulumi's internals, which may change without notice: each function names the internals that it uses.

``tests/unit/test_pulumi_internals.py`` tests each function with the real SDK and CLI, and names the supported versions;
docs/decisions/0011 explains why there is no alternative. Two programs that cannot import this module also use internals
and have the same tests: ``plugins/command/main.py`` and ``toolchain/heal.py``.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path

EXECUTOR = "pulumi-language-python-exec"
FAILURE_IS_SHOWN = 32
"""Its exit status that adds no message. Source: sdk/python/cmd/pulumi-language-python/main.go."""


def config_values() -> Mapping[str, str]:
    """Read the stack's config.

    Source: ``pulumi.runtime.config``. The public ``pulumi.Config`` returns only values of keys that the caller knows,
    so unknown keys would go unnoticed.

    Returns:
        The values by key with namespace; secret values are decrypted.
    """
    # Imported late: importing Pulumi takes a second, and the pure parts of the program must not pay for it.
    from pulumi.runtime import config  # noqa: PLC0415

    values = {**config.get_config_env(), **config.CONFIG.get()}
    return {key: str(value) for key, value in values.items()}


def is_secret(key: str) -> bool:
    """Whether Pulumi stores the value of a config key encrypted.

    Source: ``pulumi.runtime.config.is_config_secret``. The public ``Config`` does not expose this.
    """
    from pulumi.runtime import config  # noqa: PLC0415 - as above

    return config.is_config_secret(key)


def explain_errors(explanation: Callable[[], str]) -> None:
    """Make Pulumi's host of Python providers, if it is this process, report exceptions with this function's text.

    Source: ``pulumi/dynamic/__main__.py``, which reports every exception with ``traceback.format_exc()``. This replaces
    the module that it imported as ``traceback``. In any other process it does nothing.

    Args:
        explanation: Returns the text for the exception that is being handled.
    """
    host = sys.modules["__main__"]
    if hasattr(host, "_abort_with_traceback"):
        vars(host)["traceback"] = types.SimpleNamespace(format_exc=explanation)


def end_when_told() -> None:
    """Make the process of a program end without a traceback when the engine tells it to.

    Source: ``pulumi-language-python-exec``, in which programs run. When a resource has failed, it tells the engine that
    the program failed, too, and the engine, which has ended by then, interrupts it: on a busy computer in the middle of
    that. In any other process this does nothing.
    """
    if EXECUTOR in {Path(word).name for word in sys.orig_argv[:3]}:
        signal.signal(signal.SIGINT, lambda *_: os._exit(FAILURE_IS_SHOWN))


def selected_stack(project: Path, name: str, backend: str) -> str:
    """The stack that is selected for a project, as far as Pulumi's file about it tells.

    Source: sdk/go/common/workspace/workspace.go. The public way, ``pulumi stack --show-name``, takes a fifth of a
    second.

    Args:
        project: The folder with the project's Pulumi.yaml.
        name: The project's name.
        backend: The URL of the backend.

    Returns:
        Its name; empty if there is no such file, or it is of another form: then ask Pulumi.
    """
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    digest = hashlib.sha1(str(project / "Pulumi.yaml").encode(), usedforsecurity=False).hexdigest()
    file = home / "workspaces" / f"{name}-{digest}-workspace.json"
    try:
        return str(json.loads(file.read_text())["stacks"][backend]).rpartition("/")[2]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
