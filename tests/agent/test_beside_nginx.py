"""A server on which nginx has port 80: it keeps it, passes the app's requests on, and is as it was when the app is gone."""

import json
import re
import time

from tests.agent.lab import Lab, Repo
from tests.agent.listing import differences, listing

VISITED = {"Host": "app.example.org"}


def test_nginx_keeps_its_port_and_its_site_and_passes_on_what_is_the_apps(machine: Lab, flask: Repo) -> None:
    machine.sudo("sh -c 'apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install -y nginx'")
    before = listing(machine)
    refused = machine.prepare()
    assert refused.code == 1
    assert "error: Port 80 is taken by nginx (process " in refused.err
    # where the lock was, in memory
    assert differences(before, listing(machine)) == ["/run/launchpad: was not there -> "]
    offered = re.search(r"http_port ([0-9]+)\n", refused.err)
    assert offered
    machine.prepare(http_port=int(offered[1]), trusted_proxies=["127.0.0.1/32"]).data()
    machine.deploy(flask, "one").data()
    _, text = refused.err.split("\n\n", 1)
    assert text.startswith("server {\n")
    machine.sudo("tee /etc/nginx/conf.d/app.conf", text)
    former = machine.sudo("pgrep -f 'nginx: worker'").split()
    machine.sudo("sh -c 'nginx -t && systemctl reload nginx'")
    until = time.monotonic() + 60
    # Its reload goes on after the command has returned, and until they end the former workers answer beside the new.
    while any(machine.run(f"test -e /proc/{worker}").code == 0 for worker in former):
        assert time.monotonic() < until
        time.sleep(0.2)
    assert machine.get("/", VISITED) == (200, "one \n")
    assert "Welcome to nginx!" in machine.get("/")[1]
    seen = json.loads(machine.get("/headers", VISITED)[1])
    assert (seen["Host"], seen["X-Forwarded-Proto"]) == ("app.example.org", "http")
    assert "127.0.0.1" not in seen["X-Forwarded-For"]
    machine.sudo("launchpad-agent remove --app app")
    machine.sudo("rm /etc/nginx/conf.d/app.conf")
    assert differences(before, listing(machine)) == []
