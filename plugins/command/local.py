"""Commands on this machine."""

import asyncio
import os
import shutil
import signal
from contextlib import suppress
from pathlib import Path

from .call import Call, Failure
from .output import STDERR, STDOUT, Output, quote
from .values import Object

_CHUNK = 65536
_OUTPUT_LIMIT = 2.0  # seconds to wait for the end of a killed command's output


async def run(call: Call, command: str, inputs: Object, previous: Object) -> Object:
    """Run the command and return its results: stdout, stderr, assets, archive.

    previous: outputs of the previous run, passed on as PULUMI_COMMAND_STDOUT and PULUMI_COMMAND_STDERR.
    """
    arguments = [*(inputs.get("interpreter") or ["/bin/sh", "-c"]), command]
    directory = inputs.get("dir") or str(Path.cwd())
    environment = {**os.environ, **inputs.get("environment", {}), **previous_output(inputs, previous)}
    async with Output(call, inputs.get("logging")) as output:
        try:
            async with call.limit():
                process = await _start(arguments, directory, environment, inputs.get("stdin"))
                reason = await _finish(process, inputs.get("stdin"), output)
        except (OSError, Failure) as error:
            reason = str(error)
        except TimeoutError:
            reason = "context deadline exceeded"
        except asyncio.CancelledError:
            reason = "context canceled"
    if reason:
        raise output.failure(reason, command)
    results = output.results()
    if not inputs.keys() & {"assetPaths", "archivePaths"}:
        return results
    from . import files  # noqa: PLC0415 - imported only where it is needed, to start fast

    if "assetPaths" in inputs:
        results["assets"] = files.assets(directory, inputs["assetPaths"])
    if "archivePaths" in inputs:
        results["archive"] = files.archive(directory, inputs["archivePaths"])
    return results


def previous_output(inputs: Object, previous: Object) -> dict[str, str]:
    """The environment variables that pass the output of the previous command to a command."""
    if not inputs.get("addPreviousOutputInEnv", True):
        return {}
    streams = {"PULUMI_COMMAND_STDOUT": previous.get("stdout"), "PULUMI_COMMAND_STDERR": previous.get("stderr")}
    return {name: text for name, text in streams.items() if text}


async def _start(
    arguments: list[str], directory: str, environment: dict[str, str], stdin: str | None
) -> asyncio.subprocess.Process:
    program = arguments[0] if "/" in arguments[0] else shutil.which(arguments[0])
    if program is None:
        raise Failure(f"exec: {quote(arguments[0])}: executable file not found in $PATH")
    if not Path(directory).exists():
        raise Failure(f"chdir {directory}: no such file or directory")
    try:
        return await asyncio.create_subprocess_exec(
            *arguments,
            executable=program,
            cwd=directory,
            env=environment,
            stdin=asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
    except OSError as error:
        raise Failure(f"fork/exec {program}: {os.strerror(error.errno or 0).lower()}") from None


async def _finish(process: asyncio.subprocess.Process, stdin: str | None, output: Output) -> str:
    """Feed and read the process until it ends; returns why it failed, or nothing. Cancelling kills the process."""
    assert process.stdout and process.stderr
    streams = asyncio.gather(
        _feed(process.stdin, stdin or ""),
        _read(process.stdout, STDOUT, output),
        _read(process.stderr, STDERR, output),
    )
    try:
        await asyncio.shield(streams)
        status = await process.wait()
    except asyncio.CancelledError:
        kill_tree(process.pid)
        await asyncio.wait([streams], timeout=_OUTPUT_LIMIT)
        streams.cancel()
        status = await process.wait()
    if status < 0:
        return f"signal: {signal.strsignal(-status) or -status}".lower()
    return f"exit status {status}" if status else ""


async def _feed(writer: asyncio.StreamWriter | None, text: str) -> None:
    if writer is None:
        return
    try:
        writer.write(text.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()
    except (BrokenPipeError, ConnectionResetError):
        pass  # the command did not read all of its input


async def _read(reader: asyncio.StreamReader, stream: int, output: Output) -> None:
    while data := await reader.read(_CHUNK):
        output.add(stream, data)


def kill_tree(pid: int) -> None:
    """Kill a process and its descendants.

    This does not use the process group: commands stay in the plugin's group, so that the engine can kill them with it.
    """
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
        except (OSError, IndexError, ValueError):
            continue  # it has ended in the meantime
        children.setdefault(parent, []).append(int(entry.parent.name))
    doomed = [pid]
    for process in doomed:
        doomed += children.get(process, [])
    for process in doomed:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
