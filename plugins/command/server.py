"""The provider protocol: handles gRPC requests by calling the resources."""

import asyncio
import ctypes.util
import gc
import json
import os
import secrets
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from importlib import import_module
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from . import resources, schema
from .call import Call, Failure
from .diff import diff, path_text
from .values import Object, from_struct, to_struct

_LIMITS = [("grpc.max_receive_message_length", 400 << 20), ("grpc.max_send_message_length", 400 << 20)]
_FRAMEWORK = {"__pulumi-go-provider-version": "1.2.0"}  # the official plugin writes this to the provider's state
_PARENT_CHECK = 1.0  # seconds
_GRACE = 1.0  # seconds that requests may take to end after a stop signal
_QUIET = 0.15  # seconds without a request after which the engine waits for something else, such as a git push


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The provider `command`. log: sends a log line to the engine."""

    def __init__(self, log: Callable[[str, str, str, bool], Awaitable[None]]) -> None:
        self._log = log
        self._running: set[asyncio.Task[Any]] = set()
        self._cancelled = False
        self._sends_old_inputs = False

    async def GetPluginInfo(self, request: Empty, context: Any) -> plugin_pb2.PluginInfo:  # noqa: ARG002
        return plugin_pb2.PluginInfo(version=schema.VERSION)

    async def GetSchema(self, request: Any, context: Any) -> provider_pb2.GetSchemaResponse:  # noqa: ARG002
        return provider_pb2.GetSchemaResponse(schema=json.dumps(schema.package()))

    async def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: ARG002
        return provider_pb2.CheckResponse(inputs=to_struct({**from_struct(request.news), **_FRAMEWORK}))

    async def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:  # noqa: ARG002
        self._sends_old_inputs = request.sends_old_inputs and request.sends_old_inputs_to_delete
        return provider_pb2.ConfigureResponse(
            acceptSecrets=True, supportsPreview=True, acceptResources=True, acceptOutputs=True
        )

    async def Cancel(self, request: Empty, context: Any) -> Empty:  # noqa: ARG002
        self.cancel()
        return Empty()

    def cancel(self) -> None:
        """Cancel running requests and accept no new ones."""
        self._cancelled = True
        for task in self._running:
            task.cancel()

    async def Check(self, request: Any, context: Any) -> provider_pb2.CheckResponse:
        token, resource = await _resource(request.urn, context)
        news = from_struct(request.news)
        failures = schema.check(resource.inputs, news)
        if token == "remote:CopyToRemote":
            failures += schema.check_source(news.get("source"))
        return provider_pb2.CheckResponse(
            inputs=to_struct(schema.complete(resource.inputs, news, defaults=not failures)),
            failures=[provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in failures],
        )

    async def Diff(self, request: Any, context: Any) -> provider_pb2.DiffResponse:
        _token, resource = await _resource(request.urn, context)
        state = from_struct(request.olds)
        news = _ignoring(request.ignoreChanges, state, from_struct(request.news))
        news = {name: value for name, value in news.items() if name != "version" and not name.startswith("__")}
        known = resource.inputs.fields
        old = from_struct(request.old_inputs) if self._sends_old_inputs else {k: state[k] for k in known if k in state}
        changes = diff(resource, old, news)
        kinds = provider_pb2.PropertyDiff.Kind
        return provider_pb2.DiffResponse(
            changes=provider_pb2.DiffResponse.DIFF_SOME if changes else provider_pb2.DiffResponse.DIFF_NONE,
            diffs=sorted({str(path[0]) for path in changes}),
            replaces=sorted({str(path[0]) for path, kind in changes.items() if kind.endswith("_REPLACE")}),
            detailedDiff={
                path_text(path): provider_pb2.PropertyDiff(kind=kinds.Value(kind)) for path, kind in changes.items()
            },
            hasDetailedDiff=True,
        )

    async def Create(self, request: Any, context: Any) -> provider_pb2.CreateResponse:
        token, _ = await _resource(request.urn, context)
        inputs = from_struct(request.properties)
        work = resources.create(self._call(request), token, inputs, preview=request.preview)
        properties = await self._finish(work, context)
        prefix = request.urn.split("::", 3)[3] if token.endswith(":Command") else ""
        identifier = "" if request.preview and not prefix else prefix + secrets.token_hex(4)
        return provider_pb2.CreateResponse(id=identifier, properties=to_struct(properties))

    async def Read(self, request: Any, context: Any) -> provider_pb2.ReadResponse:
        await _resource(request.urn, context)
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    async def Update(self, request: Any, context: Any) -> provider_pb2.UpdateResponse:
        token, resource = await _resource(request.urn, context)
        if not resource.updatable:
            message = f"Update is not implemented for resource {request.urn}"
            await context.abort(grpc.StatusCode.UNIMPLEMENTED, message)
        state = from_struct(request.olds)
        inputs = _ignoring(request.ignoreChanges, state, from_struct(request.news))
        work = resources.update(self._call(request), token, state, inputs, preview=request.preview)
        return provider_pb2.UpdateResponse(properties=to_struct(await self._finish(work, context)))

    async def Delete(self, request: Any, context: Any) -> Empty:
        token, _ = await _resource(request.urn, context)
        await self._finish(resources.delete(self._call(request), token, from_struct(request.properties)), context)
        return Empty()

    async def Invoke(self, request: Any, context: Any) -> provider_pb2.InvokeResponse:
        token = _short(request.tok)
        if token not in schema.FUNCTIONS:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"Invoke '{token}' not found")
        inputs = from_struct(request.args)
        if failures := schema.check(schema.FUNCTIONS[token].inputs, inputs):
            return _invoked({}, failures)
        return _invoked(await self._finish(resources.invoke(Call("", self._log), inputs), context), [])

    def _call(self, request: Any) -> Call:
        seconds = int(request.timeout)
        return Call(request.urn, self._log, asyncio.get_running_loop().time() + seconds if request.timeout else None)

    async def _finish(self, work: Awaitable[Any], context: Any) -> Any:
        """Await the work, which Cancel may end; its failure becomes the call's failure."""
        task = asyncio.ensure_future(work)
        self._running.add(task)
        if self._cancelled:
            task.cancel()
        try:
            return await task
        except Failure as failure:
            return await context.abort(_code(str(failure)), str(failure))
        except asyncio.CancelledError:
            return await context.abort(grpc.StatusCode.CANCELLED, "context canceled")
        except Exception as error:  # a bug in the plugin; the user gets one line instead of a traceback
            return await context.abort(grpc.StatusCode.UNKNOWN, f"command plugin: {type(error).__name__}: {error}")
        finally:
            self._running.discard(task)


def _invoked(results: Object, failures: list[tuple[str, str]]) -> provider_pb2.InvokeResponse:
    response = provider_pb2.InvokeResponse(
        failures=[provider_pb2.CheckFailure(property=name, reason=reason) for name, reason in failures]
    )
    getattr(response, "return").CopyFrom(to_struct(results))  # a Python keyword
    return response


def _code(message: str) -> grpc.StatusCode:
    reason = message.removeprefix("proxy: ")
    if reason.startswith("context canceled"):
        return grpc.StatusCode.CANCELLED
    late = reason.startswith("context deadline exceeded")
    return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.UNKNOWN


def _short(token: str) -> str:
    """Shorten command:local:Command and command:local/command:Command to local:Command."""
    _package, module, name = token.split(":")
    return f"{module.partition('/')[0]}:{name}"


async def _resource(urn: str, context: Any) -> tuple[str, schema.Resource]:
    token = _short(urn.split("::", 3)[2].rpartition("$")[2])
    if token not in schema.RESOURCES:
        await context.abort(grpc.StatusCode.NOT_FOUND, f"Resource '{token}' not found")
    return token, schema.RESOURCES[token]


def _ignoring(names: Any, state: Object, inputs: Object) -> Object:
    """The inputs, with the ones in the user's ignoreChanges taken from the state."""
    return {**inputs, **{name: state[name] for name in names if name in state}}


def run(arguments: list[str]) -> None:
    """Serve until the engine ends the plugin or exits itself."""
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if not addresses:
        sys.exit("pulumi-resource-command: the engine's address is missing: this program is started by pulumi")
    asyncio.run(_serve(addresses[-1]))
    gc.freeze()  # else Python looks through all modules for garbage before it exits, while the engine waits


async def _serve(engine_address: str) -> None:
    options = [*_LIMITS, ("grpc.enable_http_proxy", 0)]
    async with grpc.aio.insecure_channel(engine_address, options=options) as channel:
        engine: Any = engine_pb2_grpc.EngineStub(channel)

        async def log(urn: str, severity: str, message: str, fleeting: bool) -> None:
            level = engine_pb2.LogSeverity.Value(severity)
            line = engine_pb2.LogRequest(severity=level, message=message, urn=urn, ephemeral=fleeting)
            with suppress(grpc.aio.AioRpcError):  # the engine has exited; _until_ended notices
                await engine.Log(line)

        provider = Provider(log)
        requests = _Requests()
        server = grpc.aio.server(options=_LIMITS, interceptors=[requests])
        provider_pb2_grpc.add_ResourceProviderServicer_to_server(provider, server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        print(port, flush=True)
        preloading = asyncio.create_task(_preload_when_quiet(requests))
        await _until_ended()
        preloading.cancel()
        provider.cancel()
        await server.stop(_GRACE)


class _Requests(grpc.aio.ServerInterceptor):  # type: ignore[type-arg] # generic in its stubs alone
    """Takes note of when the engine asked last."""

    def __init__(self) -> None:
        self._last = asyncio.get_running_loop().time()

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        self._last = asyncio.get_running_loop().time()
        return await continuation(handler_call_details)

    async def quiet(self, seconds: float) -> None:
        """Wait until the engine has asked nothing for so long."""
        while (left := self._last + seconds - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(left)


async def _preload_when_quiet(requests: _Requests) -> None:
    """Import the SSH modules while the engine waits for others. Where nothing changes it never does, and needs none."""
    await requests.quiet(_QUIET)
    threading.Thread(target=_preload, daemon=True).start()


def _preload() -> None:
    """Import the SSH modules, which takes a fifth of a second.

    asyncssh looks for two libraries that it can do without. Where they are not installed, ctypes runs gcc and ld to
    find them for each name that they may have: a dozen processes, beside a program that waits for the same processors.
    """
    for compiler in ("_findLib_gcc", "_findLib_ld"):
        setattr(ctypes.util, compiler, lambda _name: None)
    with suppress(ImportError):  # reported when it is used
        import_module(".remote", __package__)


async def _until_ended() -> None:
    """Wait for a signal or for the end of the engine, which started this process."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    engine = os.getppid()
    while not ended.is_set() and os.getppid() == engine:
        try:
            await asyncio.wait_for(ended.wait(), _PARENT_CHECK)
        except TimeoutError:
            continue
