"""What the workstation does for an app, from its config keys to the agent's commands, without Pulumi."""

from __future__ import annotations

import dataclasses
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from infra import from_settings
from infra.config.settings import Settings
from infra.deployment import app_plan, arguments, bundle, commands, specifications
from infra.deployment.arguments import DeploymentArgs
from infra.machines.contract import Machine, SshAccess
from infra.machines.firewall import plan
from infra.protocol import codec
from infra.protocol.specs import DeploySpec
from tests.agent.lab import Done, Lab, Repo
from tests.unit.config.reading import parse


def settings(keys: Mapping[str, object]) -> Settings:
    """The settings of a stack with these keys, as Pulumi keeps them: text, or JSON."""
    return parse({key: value if isinstance(value, str) else json.dumps(value) for key, value in keys.items()})


@dataclass(frozen=True)
class Workstation:
    """The workstation of one app on a machine.

    Attributes:
        lab: The machine.
        repository: The app's repository.
        keys: What its stack sets.
    """

    lab: Lab
    repository: Path
    keys: Mapping[str, object]

    def arguments(self) -> DeploymentArgs:
        """The arguments of the deployment, as the program builds them."""
        wanted = settings({"repository": str(self.repository), **self.keys})
        source = from_settings.source(wanted)
        access = SshAccess(self.lab.address, "", "")
        firewall = plan((80,), ("0.0.0.0/0",), ())
        machine = Machine("embedded", self.lab.address, access, "i-1", "b-1", firewall, self.lab.local_ports)
        app, revision = from_settings.app(wanted), source.resolve(wanted.revision)
        return DeploymentArgs(app, machine, source, revision, environment=wanted.env, secrets=wanted.secrets)

    def specification(self, args: DeploymentArgs) -> DeploySpec:
        """What is sent for ``deploy``: with the secrets that the app reads and nobody set."""
        planned = app_plan.read(args.app, args.source, args.revision, args.environment, args.secrets)
        generated = {name: secrets.token_urlsafe(48) for name in planned.plan.generated}
        args = dataclasses.replace(args, secrets={**args.secrets, **generated})
        local_port = args.app.local_port(self.lab.local_ports)
        resolved = dataclasses.replace(arguments.known(args), address=self.lab.address, local_port=local_port)
        return specifications.deploy(args.app, args.source, args.revision, resolved, "")

    def prepare(self) -> Done:
        """Bring the agent and prepare the machine."""
        args = self.arguments()
        self.lab.put(commands.agent_file(args.app.name), bundle.contents())
        spec = specifications.prepare(args.app, arguments.known(args), "")
        return self.lab.run(commands.prepare(args.app.name, args.machine.ssh.sudo), codec.text(spec))

    def deploy(self, repo: Repo, marker: str) -> Done:
        """Push the revision with this marker, the newest one, and deploy it."""
        args = self.arguments()
        assert args.revision.sha == repo.revisions[marker]
        spec = codec.text(self.specification(args))
        self.lab.push(repo, args.revision.sha, args.app.name)
        return self.lab.run(commands.deploy(args.app.name, args.revision.sha, args.machine.ssh.sudo), spec)
