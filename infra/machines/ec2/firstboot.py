"""The user data of an EC2 instance: every machine's, and Session Manager's agent where that is the way in."""

from __future__ import annotations

import json

from infra.machines.cloudinit import user_data
from infra.machines.contract import SSH_USER

HEADER = "#cloud-config\n"
AGENT = (
    "command -v amazon-ssm-agent >/dev/null || {{ "
    "curl -fsS --retry 60 --retry-delay 5 --retry-all-errors -o /run/amazon-ssm-agent.deb "
    "https://s3.{region}.{domain}/amazon-ssm-{region}/latest/debian_{architecture}/amazon-ssm-agent.deb "
    "&& dpkg -i /run/amazon-ssm-agent.deb && systemctl enable --now amazon-ssm-agent; }}"
)
"""Debian's image has no agent; this is where AWS publishes it for the region. It tries for five minutes, because the
instance boots before its address leads to it, and without one it reaches nothing."""


def first_boot(hostname: str, authorized_key: str, region: str, architecture: str, with_agent: bool) -> str:
    """The user data's text. No host key: the instance makes its own and prints its public half."""
    text = user_data(hostname=hostname, user=SSH_USER, authorized_key=authorized_key)
    if not with_agent:
        return text
    config = json.loads(text.removeprefix(HEADER))
    debian = {"x86_64": "amd64"}.get(architecture, architecture)
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    script = AGENT.format(region=region, domain=domain, architecture=debian)
    config["runcmd"] = [*config.get("runcmd", []), ["sh", "-c", script]]
    return HEADER + json.dumps(config, indent=1) + "\n"
