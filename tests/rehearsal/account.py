"""An AWS account on loopback: moto's server, with Debian's images and the consoles of the embedded machines.

``python -m tests.rehearsal.account FOLDER`` prints its port and serves until it is ended. ``FOLDER`` is shared with the
plugin, which writes a file about each instance there.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from infra.machines.embedded import client

DEBIAN = "136693071363"
REGION = "eu-central-1"


def image(number: int, architecture: str, owner: str = DEBIAN) -> dict[str, Any]:
    """An image as moto reads it from a file."""
    debian = {"x86_64": "amd64"}.get(architecture, architecture)
    return {
        "ami_id": f"ami-{number:017x}",
        "name": f"debian-13-{debian}-2026{number:04d}-1000",
        "description": "Debian 13",
        "owner_id": owner,
        "public": True,
        "virtualization_type": "hvm",
        "architecture": architecture,
        "state": "available",
        "platform": None,
        "image_type": "machine",
        "hypervisor": "xen",
        "root_device_name": "/dev/xvda",
        "root_device_type": "ebs",
        "sriov": "simple",
        "creation_date": f"2026-{number // 100:02d}-{number % 100:02d}T10:00:00.000Z",
    }


IMAGES = [
    image(801, "x86_64"),
    image(901, "x86_64"),
    image(901, "x86_64", "999999999999") | {"ami_id": "ami-0000000000000bad0"},  # somebody else's, of the same name
    image(902, "arm64"),
]


def console(folder: Path, instance: str) -> str:
    """The console of the embedded machine that plays an instance."""
    about = folder / f"{instance}.json"
    if not about.exists():
        return ""
    log = Path(json.loads(about.read_text())["directory"]) / "console.log"  # root's
    shown = subprocess.run([*client.privilege(), "cat", log], capture_output=True, check=False)
    return shown.stdout.decode(errors="replace")


def main(folder: Path) -> None:
    """Serve."""
    images = folder / "images.json"
    images.write_text(json.dumps(IMAGES))
    os.environ.update(MOTO_AMIS_PATH=str(images), MOTO_IAM_LOAD_MANAGED_POLICIES="true")
    from moto.core.responses import ActionResult  # noqa: PLC0415 - moto reads the environment when it is imported
    from moto.ec2.responses.general import General  # noqa: PLC0415
    from moto.ec2.utils import Base64EncodedString  # noqa: PLC0415
    from moto.moto_server.threaded_moto_server import ThreadedMotoServer  # noqa: PLC0415

    def get_console_output(request: Any) -> Any:
        instance = request.ec2_backend.get_instance(request._get_param("InstanceId")).id
        output = Base64EncodedString.from_raw_string(console(folder, instance)[-65536:])
        return ActionResult({"InstanceId": instance, "Output": output})

    General.get_console_output = get_console_output
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    print(server.get_host_and_port()[1], flush=True)
    sys.stdin.read()  # until whoever started us is gone
    server.stop()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
