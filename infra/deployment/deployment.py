"""The app on a machine, as resources: reach it, bring the host program, prepare, deliver the source, release, knock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pulumi_command as command

from infra.deployment import bundle, commands
from infra.deployment.access import Access
from infra.deployment.repository import Repository, Revision
from infra.firewall import ANYWHERE
from infra.machines.contract import Machine
from infra.settings import Settings

BOOT = pulumi.CustomTimeouts(create="10m", update="10m")
LOCAL_FOLDER = Path(".launchpad")


@dataclass(frozen=True)
class DeploymentArgs:
    """What is deployed, and where."""

    settings: Settings
    machine: Machine
    repository: Repository
    revision: Revision


class Deployment(pulumi.ComponentResource):
    """One revision of the app, healthy behind the machine's public door.

    ``release`` is the release's name on the machine, ``url`` the app's public address, ``ssh`` a command for a person.
    """

    release: pulumi.Output[str]
    url: pulumi.Output[str]
    ssh: pulumi.Output[str]

    def __init__(self, name: str, args: DeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("launchpad:infra:Deployment", name, {}, opts)
        self._args, machine = args, args.machine
        access = self._access()
        reached = self._reach()
        program, digest = self._program(reached)
        prepared = self._on_machine(
            "prepare", commands.PREPARE, commands.prepare_spec(args.settings, digest), after=[program]
        )
        delivered = prepared if args.repository.path is None else self._source(prepared)
        spec = machine.address.apply(
            lambda address: commands.deploy_spec(args.settings, args.repository, args.revision, address, digest)
        )
        deploy = commands.deploy(args.settings.app, args.revision.sha)
        released = self._on_machine("release", deploy, spec, after=[delivered])
        self.release = released.stdout.apply(lambda said: commands.release(said, args.revision.sha))
        released.stdout.apply(self._warn)
        self.url = machine.address.apply(lambda address: commands.url(args.settings, address))
        self.ssh = pulumi.Output.concat(
            f"ssh -i {access / 'key'} -o IdentitiesOnly=yes -o UserKnownHostsFile={access / 'known_hosts'} ",
            *(("-o ProxyCommand='", machine.ssh_proxy, "' ") if machine.ssh_proxy else ()),
            f"-o StrictHostKeyChecking=yes -p {22 if machine.ssh_proxy else machine.ssh_port} {machine.ssh_user}@",
            machine.address,
        )
        if set(args.settings.web_cidrs) & set(ANYWHERE):
            self._door(released)
        self.register_outputs({"release": self.release, "url": self.url, "ssh": self.ssh})

    def _warn(self, said: str) -> None:
        """Repeat at the end what the deployment warned of: among its progress it is overlooked."""
        for text in commands.warnings(said):
            pulumi.log.warn(f"{text}\n(This is of the time of the deployment; make status tells how it is now.)", self)

    def _options(
        self, after: list[pulumi.Resource], timeouts: pulumi.CustomTimeouts | None = None
    ) -> pulumi.ResourceOptions:
        longest = f"{commands.longest(self._args.settings)}s"
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=after,
            custom_timeouts=timeouts or pulumi.CustomTimeouts(create=longest, update=longest),
            deleted_with=self._args.machine.resource,
        )

    def _connection(self, dial_error_limit: int) -> command.remote.ConnectionArgs:
        machine = self._args.machine
        return command.remote.ConnectionArgs(
            host=machine.ssh_host or machine.address,
            port=machine.ssh_port,
            user=machine.ssh_user,
            private_key=machine.private_key,
            host_key=machine.host_key,
            dial_error_limit=dial_error_limit,
            per_dial_timeout=10,
        )

    def _on_machine(
        self, name: str, line: str, stdin: pulumi.Input[str], after: list[pulumi.Resource]
    ) -> command.remote.Command:
        return command.remote.Command(
            name,
            connection=self._connection(dial_error_limit=10),
            create=line,
            update=line,
            stdin=pulumi.Output.secret(stdin),
            triggers=[self._args.machine.instance_id],
            add_previous_output_in_env=False,
            opts=self._options(after),
        )

    def _access(self) -> Path:
        machine = self._args.machine
        folder = LOCAL_FOLDER / pulumi.get_stack()
        known_host = pulumi.Output.concat(machine.address, " ", machine.host_key)
        Access("access", str(folder), machine.private_key, known_host, pulumi.ResourceOptions(parent=self))
        return folder.absolute()

    def _reach(self) -> command.remote.Command:
        machine = self._args.machine
        return command.remote.Command(
            "reach",
            connection=self._connection(dial_error_limit=-1),
            create=commands.REACH,
            update=commands.REACH,
            triggers=[machine.instance_id, machine.boot_id],
            add_previous_output_in_env=False,
            opts=self._options([machine.resource], BOOT),
        )

    def _program(self, reached: pulumi.Resource) -> tuple[command.remote.CopyToRemote, str]:
        path, digest = bundle.write(LOCAL_FOLDER / "build")
        copied = command.remote.CopyToRemote(
            "program",
            connection=self._connection(dial_error_limit=10),
            source=pulumi.FileAsset(str(path)),
            remote_path=commands.PROGRAM,
            triggers=[self._args.machine.instance_id],
            opts=self._options([reached]),
        )
        return copied, digest

    def _source(self, prepared: pulumi.Resource) -> command.local.Command:
        args, machine = self._args, self._args.machine
        return self._at_desk(
            "source",
            "push",
            {
                "REPOSITORY": str(args.repository.path),
                "APP": args.settings.app,
                "REVISION": args.revision.sha,
                "USER": machine.ssh_user,
                "HOST": machine.ssh_host or machine.address,
                "PORT": str(machine.ssh_port),
                "HOST_KEY": machine.host_key,
                "KEY": machine.private_key,
            },
            [machine.instance_id],
            prepared,
        )

    def _door(self, released: pulumi.Resource) -> command.local.Command:
        args, machine, settings = self._args, self._args.machine, self._args.settings
        port = "443" if settings.domain else str(settings.http_port)
        return self._at_desk(
            "door",
            "door",
            {
                "ADDRESS": machine.address,
                "PORT": port,
                "PATH": settings.health_path,
                "STATUS": settings.health_status,
                "HOST": settings.domain or machine.address,
                "TLS": "yes" if settings.domain else "no",
                "CA": settings.acme_root or settings.tls_certificate,
                "PATIENCE": "120" if settings.domain else "15",
                "REVISION": args.revision.sha,
                "RULES": json.dumps(machine.firewall.as_data()),
            },
            [machine.instance_id, machine.boot_id],
            released,
        )

    def _at_desk(
        self,
        name: str,
        script: str,
        environment: Mapping[str, pulumi.Input[str]],
        triggers: list[Any],
        after: pulumi.Resource,
    ) -> command.local.Command:
        line = f"python3 -m infra.deployment.{script}"
        return command.local.Command(
            name,
            create=line,
            update=line,
            environment={f"LAUNCHPAD_{key}": value for key, value in environment.items()},
            triggers=triggers,
            add_previous_output_in_env=False,
            opts=self._options([after]),
        )
