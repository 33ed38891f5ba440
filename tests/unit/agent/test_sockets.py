"""Which sockets listen, as /proc says it."""

from infra.agent.system import sockets


def test_listening_sockets() -> None:
    table = (
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
        "   0: 0100007F:4E21 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1\n"
        "   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1\n"
        "   2: 0100007F:4E21 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 333 1\n"
    )
    assert sockets.parse(table) == [sockets.Listener("127.0.0.1", 20001, "111"), sockets.Listener("*", 80, "222")]
