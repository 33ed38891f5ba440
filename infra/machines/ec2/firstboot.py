"""The user data of an EC2 instance: the common part, plus the SSM agent if SSH goes through Session Manager."""

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
"""Installs the SSM agent, which Debian's image lacks, from AWS's bucket in the region.

It retries for five minutes, because the instance boots before its Elastic IP address is attached and has no internet
access until then.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/agent-install-deb.html
"""


def first_boot(hostname: str, authorized_key: str, region: str, architecture: str, with_agent: bool) -> str:
    """Render the user data. It has no host key: the instance generates its own and prints the public half.

    Args:
        hostname: The machine's host name.
        authorized_key: The public key that may log in.
        region: The AWS region, which the agent's download URL contains.
        architecture: ``x86_64`` or ``arm64``.
        with_agent: Whether to install the SSM agent.
    """
    text = user_data(hostname=hostname, user=SSH_USER, authorized_key=authorized_key)
    if not with_agent:
        return text
    config = json.loads(text.removeprefix(HEADER))
    debian = {"x86_64": "amd64"}.get(architecture, architecture)
    domain = "amazonaws.com.cn" if region.startswith("cn-") else "amazonaws.com"
    script = AGENT.format(region=region, domain=domain, architecture=debian)
    config["runcmd"] = [*config.get("runcmd", []), ["sh", "-c", script]]
    return HEADER + json.dumps(config, indent=1) + "\n"
