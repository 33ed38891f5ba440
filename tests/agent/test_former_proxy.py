"""A machine that an earlier Launchpad prepared: its proxy moves out of Debian's caddy.service, and gives that back."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.agent.lab import Lab, Repo
from tests.agent.load import Load
from tests.agent.test_tls import DOMAIN, authority, https

DROPIN = """\
# Written by launchpad-agent prepare; changes are overwritten by the next one.
[Service]
RuntimeDirectory=caddy
RuntimeDirectoryMode=0750
StateDirectory=caddy
Restart=always
RestartSec=1
TimeoutStopSec=40s
"""
"""As the earlier version wrote it, in what matters here."""
BEFORE = """
set -e
mkdir -p /etc/systemd/system/caddy.service.d
cp dropin /etc/systemd/system/caddy.service.d/launchpad.conf
cp /etc/caddy/Caddyfile /etc/caddy/Caddyfile.before-launchpad
sed s,/run/launchpad-proxy/,/run/caddy/, /etc/launchpad/proxy/Caddyfile >/etc/caddy/Caddyfile
systemctl disable -q --now launchpad-proxy
rm -r /etc/launchpad/proxy /etc/systemd/system/launchpad-proxy.service /var/lib/launchpad-proxy /var/lib/launchpad/proxy.json
sed -i s,SocketGroup=launchpad-proxy,SocketGroup=caddy, /etc/systemd/system/launchpad-app-files.socket
chgrp caddy /run/launchpad-files/app.sock
chgrp -R caddy /etc/launchpad/tls
userdel launchpad-proxy
install -d -o caddy -g caddy /var/lib/caddy/.local/share/caddy/certificates
sudo -u caddy sh -c 'echo mine >/var/lib/caddy/.local/share/caddy/certificates/one'
systemctl daemon-reload
systemctl enable -q --now caddy
"""
"""Makes the machine what it was with that version."""
STATIC = [{"prefix": "/media/", "folder": "$DATA_DIR/media"}]


def test_the_proxy_of_an_earlier_version_moves_and_gives_back_what_it_had(
    lab: Lab, flask: Repo, tmp_path: Path
) -> None:
    root, certificate, key = authority(tmp_path, "own", DOMAIN)
    lab.prepare(app="shop", domain=DOMAIN, tls={"certificate": certificate, "key": key}).data()
    lab.deploy(flask, "two", app="shop").data()
    lab.deploy(flask, "one", static=STATIC).data()
    lab.sudo("systemd-run -q --wait --uid=app sh -c 'mkdir /srv/app/data/media; echo photo >/srv/app/data/media/a.txt'")
    packaged = lab.sudo("cat /etc/caddy/Caddyfile")
    lab.put("dropin", DROPIN.encode())
    lab.sudo("bash -s", BEFORE)
    assert https(lab, root) == ("two \n", "own")
    assert lab.get("/media/a.txt") == (200, "photo\n")
    with ThreadPoolExecutor(2) as pool, Load(lab.address, keep_alive=2, fresh=2, browser=True) as load:
        slow = [pool.submit(lab.get, "/slow/3.0") for _ in range(2)]
        time.sleep(0.5)
        done = lab.prepare()
        assert done.data()["changed"] == ["launchpad-agent", "proxy"] or done.data()["changed"] == ["proxy"]
        assert [answer.result() for answer in slow] == [(200, "one\n")] * 2
    assert "moving the proxy from caddy.service to a unit of its own" in done.err
    assert {failure.split(":")[0] for failure in load.failures} <= {"fresh", "keep-alive"}
    print(f"{len(load.failures)} of {len(load.answers) + len(load.failures)} requests met no proxy")
    assert lab.get("/media/a.txt") == (200, "photo\n")
    assert https(lab, root) == ("two \n", "own"), "the certificates of the other apps, too"
    # It answers what it has begun, connections that a browser holds open among it.
    lab.sudo("timeout 60 sh -c 'while systemctl is-active caddy | grep -q deactivating; do sleep 0.2; done'")
    units = "systemctl show caddy launchpad-proxy --property=ActiveState,UnitFileState,DropInPaths"
    assert [line.split("=")[1] for line in lab.sudo(units).split()] == [
        "inactive",
        "",
        "disabled",
        "active",
        "",
        "enabled",
    ]
    assert lab.sudo("cat /etc/caddy/Caddyfile") == packaged
    assert lab.run("ls /etc/caddy /etc/systemd/system").out.count("launchpad.conf") == 0
    assert lab.run("ls -d /etc/systemd/system/caddy.service.d").code != 0
    assert lab.sudo("stat -c '%U %s' /var/lib/launchpad-proxy/caddy/certificates/one") == "launchpad-proxy 5\n"
    assert lab.prepare().data()["changed"] == []
    lab.deploy(flask, "two", static=STATIC).data()
    assert lab.get("/media/a.txt") == (200, "photo\n")
    assert lab.marker() == "two"


def test_caddys_own_service_never_starts_where_launchpad_installs_the_package(lab: Lab) -> None:
    for app in ("app", "shop"):
        lab.sudo(f"launchpad-agent remove --app {app}")
    lab.sudo("apt-get -qq purge -y caddy")
    lab.prepare().data()
    shown = lab.sudo(
        "systemctl show caddy --property=ActiveState,UnitFileState,LoadState,ActiveEnterTimestampMonotonic"
    )
    assert sorted(shown.split()) == [
        *("ActiveEnterTimestampMonotonic=0", "ActiveState=inactive", "LoadState=loaded", "UnitFileState=disabled")
    ]
    assert lab.get() == (503, "No release of app is serving.")
