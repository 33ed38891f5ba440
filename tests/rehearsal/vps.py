"""Lightsail's API on loopback, as far as the rehearsal needs it: moto has none.

``python -m tests.rehearsal.vps FOLDER`` prints its port and serves until it is ended. ``FOLDER`` is shared with the plugin, which
writes a file about each instance there. It is strict where AWS is: what is attached cannot be attached again or deleted, a disk is
detached from a stopped instance only, and a new instance has ports 22 and 80 open to everybody.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from infra.machines.ec2.hostkey import find_key
from infra.ssh import fingerprint
from tests.rehearsal.account import REGION, console
from tests.unit.lightsail.account import bundle, image

Values = dict[str, Any]
OPEN_AT_FIRST = [
    {"protocol": "tcp", "fromPort": port, "toPort": port, "cidrs": ["0.0.0.0/0"], "ipv6Cidrs": ["::/0"]}
    for port in (22, 80)
]


class Refused(Exception):
    """AWS's name of an error, and its message."""


class Lightsail:
    """The account. Each method is an operation by its name in the API."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.instances: dict[str, Values] = {}
        self.ports: dict[str, list[Values]] = {}
        self.addresses: dict[str, Values] = {}
        self.disks: dict[str, Values] = {}
        self.snapshots: dict[str, Values] = {}

    def GetRegions(self, _asked: Values) -> Values:
        zones = [{"zoneName": f"{REGION}{letter}", "state": "available"} for letter in "abc"]
        return {"regions": [{"name": REGION, "availabilityZones": zones}, {"name": "us-east-1"}]}

    def GetBundles(self, _asked: Values) -> Values:
        return {"bundles": [bundle("small_3_0", 12.0), bundle("medium_3_0", 24.0), bundle("nano_3_0", 5.0)]}

    def GetBlueprints(self, _asked: Values) -> Values:
        return {"blueprints": [image("debian_12"), image("debian_13"), image("wordpress", type="app")]}

    def GetInstances(self, _asked: Values) -> Values:
        return {"instances": [self._shown(name) for name in self.instances]}

    def GetInstance(self, asked: Values) -> Values:
        return {"instance": self._shown(self._known(self.instances, asked["instanceName"]))}

    def CreateInstances(self, asked: Values) -> Values:
        (name,) = asked["instanceNames"]
        self.instances[name] = {
            "name": name,
            "bundleId": asked["bundleId"],
            "blueprintId": asked["blueprintId"],
            "ipAddressType": asked["ipAddressType"],
            "location": {"availabilityZone": asked["availabilityZone"], "regionName": REGION},
            "tags": asked["tags"],
            "state": {"name": "running"},
            "addOns": [],
        }
        self.ports[name] = list(OPEN_AT_FIRST)
        return {}

    def DeleteInstance(self, asked: Values) -> Values:
        del self.instances[self._known(self.instances, asked["instanceName"])]
        return {}

    def StopInstance(self, asked: Values) -> Values:
        self.instances[self._known(self.instances, asked["instanceName"])]["state"] = {"name": "stopped"}
        return {}

    def StartInstance(self, asked: Values) -> Values:
        self.instances[self._known(self.instances, asked["instanceName"])]["state"] = {"name": "running"}
        return {}

    def EnableAddOn(self, asked: Values) -> Values:
        time = asked["addOnRequest"]["autoSnapshotAddOnRequest"]["snapshotTimeOfDay"]
        self.instances[asked["resourceName"]]["addOns"] = [
            {"name": "AutoSnapshot", "status": "Enabled", "snapshotTimeOfDay": time}
        ]
        return {}

    def DisableAddOn(self, asked: Values) -> Values:
        self.instances[asked["resourceName"]]["addOns"] = []
        return {}

    def SetIpAddressType(self, asked: Values) -> Values:
        self.instances[asked["resourceName"]]["ipAddressType"] = asked["ipAddressType"]
        return {}

    def GetInstanceAccessDetails(self, asked: Values) -> Values:
        name = self._known(self.instances, asked["instanceName"])
        key = find_key(console(self.folder, name))
        keys = [{"algorithm": "ssh-rsa", "publicKey": "AAAAB3NzaC1yc2E="}] if key else []
        if key:
            body = key.split()[1]
            keys.append({"algorithm": "ssh-ed25519", "publicKey": body, "fingerprintSHA256": fingerprint(key)})
        return {"accessDetails": {"username": "admin", "privateKey": "PRIVATE-canary", "hostKeys": keys}}

    def PutInstancePublicPorts(self, asked: Values) -> Values:
        self.ports[self._known(self.instances, asked["instanceName"])] = [
            {**each, "cidrs": each.get("cidrs", []), "ipv6Cidrs": each.get("ipv6Cidrs", [])}
            for each in asked["portInfos"]
        ]
        return {}

    def CloseInstancePublicPorts(self, asked: Values) -> Values:
        def flow(each: Values) -> tuple[Any, ...]:
            return each["protocol"], each["fromPort"], each["toPort"]

        name, gone = asked["instanceName"], flow(asked["portInfo"])
        self.ports[name] = [each for each in self.ports[name] if flow(each) != gone]
        return {}

    def GetInstancePortStates(self, asked: Values) -> Values:
        name = self._known(self.instances, asked["instanceName"])
        return {"portStates": [{**each, "state": "open"} for each in self.ports[name]]}

    def AllocateStaticIp(self, asked: Values) -> Values:
        address = f"192.0.2.{10 + len(self.addresses)}"
        self.addresses[asked["staticIpName"]] = {"name": asked["staticIpName"], "ipAddress": address}
        return {}

    def GetStaticIp(self, asked: Values) -> Values:
        return {"staticIp": self.addresses[self._known(self.addresses, asked["staticIpName"])]}

    def GetStaticIps(self, _asked: Values) -> Values:
        return {"staticIps": list(self.addresses.values())}

    def ReleaseStaticIp(self, asked: Values) -> Values:
        self._loose(self.addresses, asked["staticIpName"])
        del self.addresses[asked["staticIpName"]]
        return {}

    def AttachStaticIp(self, asked: Values) -> Values:
        return self._attach(self.addresses, asked["staticIpName"], asked["instanceName"])

    def DetachStaticIp(self, asked: Values) -> Values:
        self.addresses[self._known(self.addresses, asked["staticIpName"])].pop("attachedTo", None)
        return {}

    def CreateDisk(self, asked: Values) -> Values:
        zone = {"availabilityZone": asked["availabilityZone"], "regionName": REGION}
        self.disks[asked["diskName"]] = {
            "name": asked["diskName"],
            "supportCode": f"123456789012/vol-{len(self.disks):017x}",
            "createdAt": 1795780800,
            "state": "available",
            "sizeInGb": asked["sizeInGb"],
            "location": zone,
            "tags": asked["tags"],
        }
        return {}

    def GetDisk(self, asked: Values) -> Values:
        disk = self.disks[self._known(self.disks, asked["diskName"])]
        return {"disk": {**disk, "isAttached": "attachedTo" in disk}}

    def GetDisks(self, _asked: Values) -> Values:
        return {"disks": [self.GetDisk({"diskName": name})["disk"] for name in self.disks]}

    def TagResource(self, asked: Values) -> Values:
        disk = self.disks[self._known(self.disks, asked["resourceName"])]
        names = {each["key"] for each in asked["tags"]}
        disk["tags"] = [*(each for each in disk["tags"] if each["key"] not in names), *asked["tags"]]
        return {}

    def CreateDiskSnapshot(self, asked: Values) -> Values:
        disk, name = self._known(self.disks, asked["diskName"]), asked["diskSnapshotName"]
        if name in self.snapshots:
            raise Refused("InvalidInputException", f"{name} is already in use")
        size = self.disks[disk]["sizeInGb"]
        made = {"createdAt": 1795780800, "sizeInGb": size, "tags": []}
        self.snapshots[name] = {"name": name, "fromDiskName": disk, "state": "completed", **made}
        return {}

    def CreateDiskFromSnapshot(self, asked: Values) -> Values:
        self._known(self.snapshots, asked["diskSnapshotName"])
        return self.CreateDisk(asked)

    def GetDiskSnapshot(self, asked: Values) -> Values:
        return {"diskSnapshot": self.snapshots[self._known(self.snapshots, asked["diskSnapshotName"])]}

    def GetDiskSnapshots(self, _asked: Values) -> Values:
        return {"diskSnapshots": list(self.snapshots.values())}

    def DeleteDisk(self, asked: Values) -> Values:
        self._loose(self.disks, asked["diskName"])
        del self.disks[asked["diskName"]]
        return {}

    def AttachDisk(self, asked: Values) -> Values:
        return self._attach(self.disks, asked["diskName"], asked["instanceName"])

    def DetachDisk(self, asked: Values) -> Values:
        disk = self.disks[self._known(self.disks, asked["diskName"])]
        if self.instances[disk["attachedTo"]]["state"]["name"] != "stopped":
            raise Refused("OperationFailureException", "the instance is not stopped")
        del disk["attachedTo"]
        return {}

    def _attach(self, things: dict[str, Values], name: str, instance: str) -> Values:
        self._known(self.instances, instance)
        self._loose(things, name)
        things[name]["attachedTo"] = instance
        return {}

    def _loose(self, things: dict[str, Values], name: str) -> None:
        if "attachedTo" in things[self._known(things, name)]:
            raise Refused("InvalidInputException", f"{name} is attached to {things[name]['attachedTo']}")

    def _known(self, things: dict[str, Values], name: str) -> str:
        if name not in things:
            raise Refused("NotFoundException", f"{name} does not exist")
        return name

    def _shown(self, name: str) -> Values:
        root = {"name": f"{name}-root", "isSystemDisk": True, "sizeInGb": 60}
        attached = [disk for disk in self.disks.values() if disk.get("attachedTo") == name]
        return {**self.instances[name], "hardware": {"disks": [root, *attached]}}


def handler(account: Lightsail) -> type[BaseHTTPRequestHandler]:
    """Answers operations, one at a time."""
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])) or b"{}")
            operation: Callable[[Values], Values] = getattr(account, self.headers["X-Amz-Target"].rpartition(".")[2])
            try:
                with lock:
                    status, answer = 200, operation(asked)
            except Refused as refused:
                status, answer = 400, {"__type": refused.args[0], "message": refused.args[1]}
            text = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


def main(folder: Path) -> None:
    """Serve."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(Lightsail(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(server.server_port, flush=True)
    sys.stdin.read()  # until whoever started us is gone


if __name__ == "__main__":
    main(Path(sys.argv[1]))
