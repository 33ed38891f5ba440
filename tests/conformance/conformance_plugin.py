"""A plugin process and the engine's side of the protocol, without the engine."""

import os
import subprocess
import sys
import threading
from concurrent import futures
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.empty_pb2 import Empty
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

OURS = Path(__file__).parents[2] / "plugins/command/pulumi-resource-command"
EXECUTABLE = Path(os.environ.get("LAUNCHPAD_COMMAND_PLUGIN", OURS))
IS_OURS = EXECUTABLE == OURS


class Plugin:
    """As a context: a running, configured plugin. `log` holds what it logged: severity, message, fleeting."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str, bool]] = []

    def __enter__(self) -> "Plugin":
        self._engine = grpc.server(futures.ThreadPoolExecutor(2))
        engine_pb2_grpc.add_EngineServicer_to_server(_Engine(self.log), self._engine)
        port = self._engine.add_insecure_port("127.0.0.1:0")
        self._engine.start()
        environment = {name: value for name, value in os.environ.items() if name != "SSH_AUTH_SOCK"}
        environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
        self.process = subprocess.Popen(
            [EXECUTABLE, f"127.0.0.1:{port}"],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        )
        assert self.process.stdout
        self._channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)
        request = provider_pb2.ConfigureRequest(
            acceptSecrets=True, sends_old_inputs=True, sends_old_inputs_to_delete=True
        )
        self.configured = self.stub.Configure(request, timeout=10)
        return self

    def __exit__(self, *_error: object) -> None:
        self._channel.close()
        self.process.terminate()
        self.process.wait(10)
        self._engine.stop(0)

    def cancel_after(self, seconds: float) -> None:
        """Ask the plugin to cancel what it does, in `seconds` from now, as the engine does on Ctrl-C."""
        threading.Timer(seconds, lambda: self.stub.Cancel(Empty())).start()

    def request(self, method: str, message: Any) -> dict[str, Any]:
        """Send a request; the response as JSON, or its error."""
        try:
            return MessageToDict(getattr(self.stub, method)(message, timeout=60))
        except grpc.RpcError as error:
            return {"error": error.details(), "code": error.code().name}


class _Engine(engine_pb2_grpc.EngineServicer):
    def __init__(self, log: list[tuple[str, str, bool]]) -> None:
        self._log = log

    def Log(self, request: Any, context: Any) -> Empty:  # noqa: ARG002
        self._log.append((engine_pb2.LogSeverity.Name(request.severity), request.message, request.ephemeral))
        return Empty()
