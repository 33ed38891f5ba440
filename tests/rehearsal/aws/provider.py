"""The provider protocol for the rehearsal: gRPC in, boto3 calls by way of the kinds of resource, gRPC out."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
import signal
import sys
import threading
from concurrent import futures
from typing import Any

import grpc
from botocore.exceptions import ClientError
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from google.protobuf.struct_pb2 import Struct
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

from tests.rehearsal.aws import compute, lightsail, lookups, network, storage
from tests.rehearsal.aws.kind import Account, Kind

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
KINDS: dict[str, Kind] = {**network.KINDS, **compute.KINDS, **storage.KINDS, **lightsail.KINDS}


def plain(struct: Struct) -> dict[str, Any]:
    """A struct as Python values, whole numbers as int."""
    return {key: whole(value) for key, value in MessageToDict(struct).items() if not key.startswith("__")}


def whole(value: Any) -> Any:
    """Numbers that have no fraction as int, all the way down."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: whole(item) for key, item in value.items()}
    return [whole(item) for item in value] if isinstance(value, list) else value


def struct(values: dict[str, Any]) -> Struct:
    """Python values as a struct."""
    made = Struct()
    made.update(values)
    return made


class Provider(provider_pb2_grpc.ResourceProviderServicer):
    """The plugin ``aws``, as far as the program needs it."""

    account: Account

    def GetPluginInfo(self, _request: Any, _context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=importlib.metadata.version("pulumi-aws"))

    def CheckConfig(self, request: Any, _context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, _context: Any) -> Any:
        olds, news = plain(request.olds), plain(request.news)
        kinds = provider_pb2.DiffResponse
        # everything is elsewhere in another region
        replaces = ["region"] if olds.get("region") != news.get("region") else []
        return kinds(changes=kinds.DIFF_SOME if olds != news else kinds.DIFF_NONE, replaces=replaces)

    def Configure(self, request: Any, _context: Any) -> Any:
        self.account = Account.configured(plain(request.args))
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Cancel(self, _request: Any, _context: Any) -> Any:
        return Empty()

    def Check(self, request: Any, context: Any) -> Any:
        kind, name = self._kind(request, context)
        news, olds = MessageToDict(request.news), MessageToDict(request.olds)
        if kind.named_by and kind.named_by not in news:
            news[kind.named_by] = olds.get(kind.named_by) or f"{name}-{secrets.token_hex(4)[:7]}"
        return provider_pb2.CheckResponse(inputs=struct(news))

    def Diff(self, request: Any, context: Any) -> Any:
        kind, _ = self._kind(request, context)
        olds, news = plain(request.old_inputs), plain(request.news)
        for ignored in request.ignoreChanges:
            news.pop(ignored, None)
            olds.pop(ignored, None)
        changed = sorted(key for key in {*olds, *news} if olds.get(key) != news.get(key))
        replaces = [key for key in changed if kind.update is None or key in kind.replaces]
        answer = provider_pb2.DiffResponse
        return answer(changes=answer.DIFF_SOME if changed else answer.DIFF_NONE, diffs=changed, replaces=replaces)

    def Create(self, request: Any, context: Any) -> Any:
        kind, _ = self._kind(request, context)
        inputs = plain(request.properties)
        if request.preview:
            return provider_pb2.CreateResponse(id="", properties=request.properties)
        identifier, more = self._ask(context, kind.create, self.account, inputs)
        return provider_pb2.CreateResponse(id=identifier, properties=struct({**inputs, **more}))

    def Read(self, request: Any, context: Any) -> Any:
        kind, _ = self._kind(request, context)
        if not request.properties.fields:  # an import, which knows the id only
            found = self._ask(context, kind.read, self.account, request.id)
            known = struct(found or {})
            return provider_pb2.ReadResponse(id=request.id if found else "", properties=known, inputs=known)
        there = self._ask(context, kind.exists, self.account, request.id)
        return provider_pb2.ReadResponse(
            id=request.id if there else "", properties=request.properties, inputs=request.inputs
        )

    def Update(self, request: Any, context: Any) -> Any:
        kind, _ = self._kind(request, context)
        olds, news = plain(request.olds), plain(request.news)
        assert kind.update is not None
        if not request.preview:
            self._ask(context, kind.update, self.account, request.id, olds, news)
        return provider_pb2.UpdateResponse(properties=struct({**olds, **news}))

    def Delete(self, request: Any, context: Any) -> Any:
        kind, _ = self._kind(request, context)
        self._ask(context, kind.delete, self.account, request.id, plain(request.properties))
        return Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        found = self._ask(context, lookups.LOOKUPS[request.tok], self.account, plain(request.args))
        response = provider_pb2.InvokeResponse()
        getattr(response, "return").CopyFrom(struct(found))
        return response

    @staticmethod
    def _kind(request: Any, context: Any) -> tuple[Kind, str]:
        _, _, type_, name = request.urn.split("::", 3)
        token = type_.rpartition("$")[2]
        if token not in KINDS:
            context.abort(grpc.StatusCode.NOT_FOUND, f"the rehearsal does not know {token}")
        return KINDS[token], name

    @staticmethod
    def _ask(context: Any, function: Any, *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except ClientError as error:
            context.abort(grpc.StatusCode.UNKNOWN, str(error))


def serve() -> None:
    """Print the port, and serve until the engine ends this process or is gone."""
    server = grpc.server(futures.ThreadPoolExecutor(8))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Provider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    engine = os.getppid()
    while not ended.wait(1) and os.getppid() == engine:
        pass
    server.stop(0)
    sys.exit(0)
