"""Commands on other machines."""

import asyncio
from contextlib import suppress

from asyncssh import EXTENDED_DATA_STDERR, ChannelOpenError, SSHClientSession
from asyncssh.channel import SSHClientChannel
from asyncssh.packet import String

from .call import Call, Failure
from .local import previous_output
from .output import STDERR, STDOUT, Output, quote
from .ssh import Client, connect
from .values import Object

_WINDOW, _PACKET = 2 * 1024 * 1024, 32768  # bytes, asyncssh's own defaults
_SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "ABRT": 6, "FPE": 8, "KILL": 9}
_SIGNALS |= {"SEGV": 11, "PIPE": 13, "ALRM": 14, "TERM": 15}
_REFUSED = """\
Unable to set '{}'. This only works if your SSH server is configured to accept
\tthese variables via AcceptEnv. Alternatively, if a Bash-like shell runs the command on the remote host, you could
\tprefix the command itself with the variables in the form 'VAR=value command'"""


async def run(call: Call, command: str, inputs: Object, previous: Object) -> Object:
    """Run the command over SSH and return its stdout and stderr.

    As in the official plugin, the call's deadline limits connecting, not running; cancelling the call ends both.
    """
    async with connect(call, inputs["connection"]) as client, Output(call, inputs.get("logging")) as output:
        reason = ""
        try:
            session = _Session(output)
            channel = _Channel(client, call, inputs.get("environment", {}), previous_output(inputs, previous))
            await channel.run(session, command)
            with suppress(BrokenPipeError):  # the command may have ended already
                channel.write((inputs.get("stdin") or "").encode())
                channel.write_eof()
            reason = await session.ended
        except asyncio.CancelledError:
            reason = "context canceled"
        except ChannelOpenError as error:
            reason = f"ssh: {error.reason}"
    if reason:
        raise output.failure(reason, command)
    return output.results()


class _Session(SSHClientSession[bytes]):
    """Passes on the command's output; `ended` becomes the reason of a failure, empty after success."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._reason = "wait: remote command exited without exit status or exit signal"
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        self._output.add(STDERR if datatype == EXTENDED_DATA_STDERR else STDOUT, data)

    def exit_status_received(self, status: int) -> None:
        self._reason = f"Process exited with status {status}" if status else ""

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:  # noqa: ARG002
        detail = f". Reason was: {msg}" if msg else ""
        self._reason = f"Process exited with status {128 + _SIGNALS.get(signal, 0)} from signal {signal}{detail}"

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        if not self.ended.done():
            self.ended.set_result(self._reason)


class _Channel(SSHClientChannel[bytes]):
    """A channel that lets the server confirm each environment variable, which asyncssh's own channel does not.

    If the server refuses one of the user's variables, the command fails before it starts; a refused PULUMI_COMMAND_* is
    only a warning.
    """

    def __init__(self, client: Client, call: Call, wanted: dict[str, str], optional: dict[str, str]) -> None:
        super().__init__(client, asyncio.get_running_loop(), "strict", None, "strict", _WINDOW, _PACKET)
        self._call, self._wanted, self._optional = call, wanted, optional

    async def run(self, session: _Session, command: str) -> None:
        """Open the channel and start the command."""
        await self.create(lambda: session, command, None, {}, False, None, None, {}, False, None, None, False, False)

    async def _make_request(self, request: bytes, *arguments: bytes) -> bool | None:
        if request == b"exec":
            for name, value in {**self._wanted, **self._optional}.items():
                if not await super()._make_request(b"env", String(name), String(value)):
                    await self._refused(name)
        return await super()._make_request(request, *arguments)

    async def _refused(self, name: str) -> None:
        optional = name in self._optional
        await self._call.log(_REFUSED.format(name), "WARNING" if optional else "ERROR", fleeting=False)
        if not optional:
            raise Failure(f"could not set environment variable {quote(name)}: ssh: setenv failed")
