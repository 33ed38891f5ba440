"""The plugin's connections to machines."""

import asyncio
import socket

from plugins.command import ssh


def test_a_connection_that_nobody_answers_any_more_is_noticed_after_two_and_a_half_minutes() -> None:
    async def options() -> list[int]:
        with socket.create_server(("127.0.0.1", 0)) as server:
            endpoint = await ssh._tcp("127.0.0.1", server.getsockname()[1])
            with endpoint:
                names = (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT)
                alive = endpoint.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                return [alive, *(endpoint.getsockopt(socket.IPPROTO_TCP, name) for name in names)]

    assert asyncio.run(options()) == [1, 15, 15, 9]
