"""Two apps on one machine, by Launchpad's components in a program of its own.

What it shows: the machine is this program's, each app has a port of its own, and an app's environment may come from
other resources, in the clear or as a secret.
"""

from __future__ import annotations

import pulumi
import pulumi_command as command

from infra.deployment import source
from infra.deployment.app import AppArgs
from infra.deployment.arguments import DeploymentArgs
from infra.deployment.deployment import Deployment
from infra.deployment.repository import RepositoryError
from infra.machines.embedded.kind import NETWORK
from infra.machines.embedded.machine import EmbeddedArgs, EmbeddedMachine
from infra.machines.firewall import plan
from infra.protocol.specs import Health

PORTS = {"shop": 8081, "blog": 8082}
EVERYBODY = ("0.0.0.0/0",)

# The source of both apps: the demo app of this repository, at the commit that is checked out.
try:
    app = source.find("../../app")
    revision = app.resolve("HEAD")
except RepositoryError as mistake:
    raise pulumi.RunError(str(mistake)) from None

# The machine: only this computer may log in; everybody may use the apps.
firewall = plan(tuple(PORTS.values()), EVERYBODY, ssh_cidrs=(NETWORK,))
machine = EmbeddedMachine("box", EmbeddedArgs(firewall, memory="1G")).machine

# What the apps depend on. In a real program these would be a database and its password.
endpoint = command.local.Command("endpoint", create="printf 'database.internal:5432'")
password = command.local.Command(
    "password",
    create="head -c 12 /dev/urandom | od -An -tx1 | tr -d ' \\n'",
    logging="none",
    opts=pulumi.ResourceOptions(additional_secret_outputs=["stdout"]),
)


def arguments(name: str) -> AppArgs:
    """What both apps have in common, each on its own port."""
    return AppArgs(name, http_port=PORTS[name], health=Health(path="/healthz"))


shop = Deployment(
    "shop", DeploymentArgs(arguments("shop"), machine, app, revision, environment={"GREETING": endpoint.stdout})
)
blog = Deployment(
    "blog", DeploymentArgs(arguments("blog"), machine, app, revision, secrets={"GREETING": password.stdout})
)

pulumi.export("shop_url", shop.url)
pulumi.export("blog_url", blog.url)
pulumi.export("ssh", shop.ssh)
pulumi.export("password", password.stdout)
