"""Create, update and delete for each resource type."""

import asyncio
from importlib import import_module
from types import ModuleType
from typing import Any

from . import local, schema
from .call import Call
from .values import UNKNOWN, Object, reveal, same

_RESULTS = ("stdout", "stderr", "assets", "archive")


async def create(call: Call, token: str, inputs: Object, *, preview: bool) -> Object:
    """Create the resource and return its properties. In a preview, the results are unknown."""
    plain = reveal(inputs)
    if not token.endswith(":Command"):
        if not preview:
            await _copy(call, plain)
            return inputs
        return {**inputs, "source": UNKNOWN} if "source" in inputs else inputs
    if preview:
        return {**inputs, "stdout": UNKNOWN, "stderr": UNKNOWN}
    results: Object = {"stdout": "", "stderr": ""}
    if "create" in plain:
        results |= await _run(call, token, plain["create"], plain, {})
    return {**inputs, **results}


async def update(call: Call, token: str, state: Object, inputs: Object, *, preview: bool) -> Object:
    """Update the resource and return its properties. Results are kept from the state unless a command runs."""
    plain = reveal(inputs)
    if not token.endswith(":Command"):
        moved = not same(state.get("source"), inputs.get("source")) or state["remotePath"] != inputs["remotePath"]
        if moved and not preview:
            await _copy(call, plain)
        # In a preview, the official plugin does not recognise an unchanged source if anything else changed.
        return {**inputs, "source": UNKNOWN} if preview and _stale(token, state, inputs) else inputs
    results = {name: reveal(state[name]) for name in _RESULTS if name in state}
    command = plain.get("update", plain.get("create"))
    if preview:
        if _stale(token, state, inputs):
            results = dict.fromkeys(results, UNKNOWN)
    elif command is not None:
        results |= await _run(call, token, command, plain, results)
    return {**inputs, **results}


def _stale(token: str, state: Object, inputs: Object) -> bool:
    """Whether an update may change the results: an input is unknown, was removed, or differs from the state."""
    fields = schema.RESOURCES[token].inputs.fields
    unknown = any(reveal(inputs.get(name)) == UNKNOWN for name in fields)
    return unknown or any(name in state and not same(state[name], inputs.get(name)) for name in fields)


async def delete(call: Call, token: str, state: Object) -> None:
    """Run the `delete` command, if there is one. Copied files stay."""
    plain = reveal(state)
    if token.endswith(":Command") and "delete" in plain:
        await _run(call, token, plain["delete"], plain, plain)


async def invoke(call: Call, inputs: Object) -> Object:
    """command:local:run: a local command, run whenever the program runs."""
    plain = reveal(inputs)
    return {**inputs, **await local.run(call, plain["command"], plain, {})}


async def _run(call: Call, token: str, command: str, plain: Object, previous: Object) -> Object:
    if token == "local:Command":
        return await local.run(call, command, plain, previous)
    remote: Any = await _ssh_module("remote")
    results: Object = await remote.run(call, command, plain, previous)
    return results


async def _copy(call: Call, plain: Object) -> None:
    copy: Any = await _ssh_module("copy")
    await copy.run(call, plain)


async def _ssh_module(name: str) -> ModuleType:
    """A module that needs SSH, which takes most of a second to import: so not at start, and not in Cancel's way."""
    return await asyncio.to_thread(import_module, f".{name}", __package__)
