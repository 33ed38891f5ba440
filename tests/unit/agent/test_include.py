"""Where another web server has the app's port, the message says what that server needs to pass requests on."""

import pytest

from infra.agent.proxy import include, ports


@pytest.mark.parametrize(
    ("program", "names", "lines"),
    [
        ("nginx", ("example.org", "www.example.org"), ["    server_name example.org www.example.org;"]),
        ("nginx", (), ["    server_name app.example.org;", "        proxy_pass http://127.0.0.1:8081;"]),
        ("caddy", ("example.org", "www.example.org"), ["example.org, www.example.org {"]),
        ("apache2", ("example.org",), ["    ServerName example.org", "    ProxyPreserveHost On"]),
        ("apache2", ("example.org", "b.org", "c.org"), ["    ServerName example.org", "    ServerAlias b.org c.org"]),
    ],
)
def test_the_text_for_the_other_server_is_ready_made(program: str, names: tuple[str, ...], lines: list[str]) -> None:
    said = include.advice(program, "shop", names, 8081)
    assert [line for line in lines if line not in said.splitlines()] == []
    assert "    pulumi config set launchpad:http_port 8081" in said.splitlines()
    assert ("Take launchpad:domain out of the config" in said) == bool(names)
    assert said.count("{") == said.count("}")
    assert "{{" not in said


def test_a_program_that_is_no_web_server_gets_no_text() -> None:
    assert include.advice("python3", "shop", (), 8080) == "Stop it, or give the app another http_port."


def test_the_port_that_is_offered_is_free() -> None:
    assert ports.first_free({80, 8080, 8081}) == 8082
