"""A deployment as resources: wait for SSH, copy the agent, prepare, push the source, release, check the URL."""

from __future__ import annotations

import hashlib

import pulumi
import pulumi_command as command

from infra import local
from infra.app_model.build_plan import BuildPlan
from infra.deployment import app_plan, arguments, commands, host_names, on_machine, settled, specifications
from infra.deployment.app_plan import Planned
from infra.deployment.arguments import DeploymentArgs
from infra.deployment.check_public_url import CheckPublicUrl, PublicUrlExtra
from infra.deployment.generated_secrets import GeneratedSecrets
from infra.deployment.machine_state import MachineState
from infra.deployment.on_machine import DIALS
from infra.deployment.push_source import PushSource
from infra.deployment.release_notes import ReleaseNotes
from infra.deployment.ssh_files import SshFiles
from infra.deployment.what_goes_out import Contents
from infra.outputs import AppOutputs
from infra.protocol import codec

BOOT = pulumi.CustomTimeouts(create="10m", update="10m")
ANSWER_TIMEOUT, CERTIFICATE_TIMEOUT = 15, 120
"""Seconds until the public URL must be healthy: without a certificate, and after the proxy has obtained one."""
REQUEST_TIMEOUT = 10
"""Seconds that one request to it may take, unless the health check allows more."""
UNENCRYPTED = (
    "launchpad:basic_auth is set without launchpad:domain: visitors send the password unencrypted. Set a domain, which "
    "brings HTTPS, or have a proxy in front that offers it."
)


class Deployment(pulumi.ComponentResource):
    """A revision of the app, healthy at its public URL.

    Its child resources are named after it, so that a program may have several deployments, on one or more machines.

    Attributes:
        release: The release's name on the machine.
        url: The app's public URL.
        health_url: The URL of the health check.
        ssh: A command that logs in to the machine.
        plan: What the app is and how it is built, as far as its files can be read here.
        reached: The first step on the machine, which has answered.
        delivered: The step before the release: the agent is installed, and no step is under way that does not retry.
        program: The agent's digest.

    Raises:
        RunError: With every mistake in the arguments that can be known before any resource is made. Values that
            depend on other resources are checked as soon as they are known.
    """

    release: pulumi.Output[str]
    url: pulumi.Output[str]
    health_url: pulumi.Output[str]
    ssh: pulumi.Output[str]
    plan: BuildPlan
    reached: pulumi.Resource
    delivered: pulumi.Resource
    program: str

    def __init__(self, name: str, args: DeploymentArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        arguments.check(args)
        planned = args.planned or app_plan.read(args.app, args.source, args.revision, args.environment, args.secrets)
        super().__init__("launchpad:infra:Deployment", name, {}, opts)
        self._prefix, self._app, self._machine = name, args.app, args.machine
        self.plan = planned.plan
        self._args = args
        generated = self._generated_secrets(planned)
        address, sudo = pulumi.Output.from_input(args.machine.address), args.machine.ssh.sudo
        # Behind a CDN or a load balancer the names lead there.
        if args.app.domain and not args.app.trusted_proxies:
            names = (args.app.domain, *args.app.aliases)
            host_names.watch(names, address, acme=args.app.tls.certificate == "", resource=self)
        if args.app.basic_auth and not args.app.domain and args.machine.local_ports is None:
            pulumi.log.warn(UNENCRYPTED, self)
        self.ssh = self._ssh_files()
        reached = self._wait_for_ssh()
        file, opts = commands.agent_file(args.app.name), self._options([reached])
        copied, digest = on_machine.copy_agent(self._child("copy-agent"), args.machine, file, opts)
        removal = self._removal(reached)
        prepare = arguments.for_prepare(args).apply(
            lambda values: codec.text(specifications.prepare(args.app, values, digest, args.owned_by))
        )
        prepared = self._on_machine("prepare", commands.prepare(args.app.name, sudo), prepare, [copied, removal])
        delivered = prepared if args.source.repository.path is None else self._push_source(prepared)
        self.reached, self.delivered, self.program = reached, delivered, digest
        deploy = arguments.for_deploy(args, generated).apply(
            lambda values: codec.text(specifications.deploy(args.app, args.source, args.revision, values, digest))
        )
        line = commands.deploy(args.app.name, args.revision.sha, sudo)
        # A repository that is at the workstation today may be a remote one tomorrow, and nothing is pushed then.
        follows: pulumi.Output[list[pulumi.Resource]] = pulumi.Output.from_input(settled.after(prepared, delivered))
        released = self._on_machine("release", line, deploy, follows)
        self.release = released.stdout.apply(lambda output: commands.release(output, args.revision.sha))
        released.stdout.apply(self._warn)
        self._release_notes(released)
        place = pulumi.Output.all(address, self._local_port())
        self.url = place.apply(lambda values: args.app.url(*values))
        self.health_url = place.apply(
            lambda values: args.app.health_url(values[0], values[1], path=self.plan.health_path)
        )
        if args.machine.is_checked_at(args.app.public_port):
            self._check_public_url(released)
        self._machine_state(released)
        self._say_what_is_deployed()
        self.register_outputs(
            {"release": self.release, "url": self.url, "health_url": self.health_url, "ssh": self.ssh}
        )

    def outputs(self) -> AppOutputs:
        """What a stack outputs of the app."""
        revision = self._args.revision.sha
        deployed = revision if pulumi.runtime.is_dry_run() else settled.settled(self.release.apply(lambda _: revision))
        return {
            "url": self.url,
            "health_url": self.health_url,
            "user": self._app.name,
            "revision": deployed,
            "release": settled.settled(self.release),
        }

    def _say_what_is_deployed(self) -> None:
        revision = self._args.revision
        about = f"revision {revision.sha[:12]} ({revision.name}) {revision.subject}".rstrip()
        pulumi.log.info(f"{self._app.name}: {about}", self)
        for warning in revision.warnings:
            pulumi.log.warn(warning, self)

    def _generated_secrets(self, planned: Planned) -> pulumi.Output[dict[str, str]]:
        """The secrets that the app reads and nobody set. Without a plan they are those that were generated before."""
        if not planned.plan.generated and not planned.why_not:
            return pulumi.Output.from_input({})
        if planned.why_not:
            pulumi.log.info(f"no build plan before the deployment: {planned.why_not}", self)
        names = planned.plan.generated
        opts = pulumi.ResourceOptions(parent=self)
        values = GeneratedSecrets(self._child("generated-secrets"), names=names, opts=opts).values
        if planned.why_not:
            return values
        return values.apply(lambda known: {name: known[name] for name in names})

    def _warn(self, output: str) -> None:
        """Repeat the deployment's warnings at the end, because they are easily missed among its progress."""
        for text in commands.warnings(output):
            pulumi.log.warn(
                f"{text}\n(This was the state at the deployment; launchpad status shows the current one.)", self
            )

    def _local_port(self) -> pulumi.Output[int]:
        """The port of the workstation's loopback that leads to the app; 0 if there is none."""
        return pulumi.Output.from_input(self._machine.local_ports).apply(self._app.local_port)

    def _child(self, step: str) -> str:
        return f"{self._prefix}-{step}"

    def _options(
        self, after: pulumi.Input[list[pulumi.Resource]], timeouts: pulumi.CustomTimeouts | None = None
    ) -> pulumi.ResourceOptions:
        longest = f"{specifications.longest(self._app)}s"
        return pulumi.ResourceOptions(
            parent=self,
            depends_on=after,
            custom_timeouts=timeouts or pulumi.CustomTimeouts(create=longest, update=longest),
            deleted_with=self._machine.resource,
        )

    def _ssh_files(self) -> pulumi.Output[str]:
        """Declare the files for ssh on the command line; returns the command that uses them."""
        folder = local.ssh_folder(pulumi.get_stack(), self._prefix)
        SshFiles(self._child("ssh-files"), str(folder), self._machine.ssh, pulumi.ResourceOptions(parent=self))
        return self._machine.ssh.command_line(local.project() / folder)

    def _wait_for_ssh(self) -> command.remote.Command:
        machine = self._machine
        opts = self._options([*([machine.resource] if machine.resource else []), *machine.needs], BOOT)
        return on_machine.wait_for_ssh(self._child("wait-for-ssh"), machine, opts)

    def _removal(self, reached: pulumi.Resource) -> command.remote.Command:
        """Take the app off a machine that stays, when the deployment is destroyed.

        It is a resource of its own, made before anything is on the machine, so that a failed ``prepare`` is cleaned up
        too. And it has no triggers: one that is replaced would be deleted, and the app that has just come up with it.
        With a machine that the program destroys it goes without a word to that.
        """
        machine, app = self._machine, self._app.name
        return command.remote.Command(
            self._child("removal"),
            connection=machine.ssh.connection(DIALS),
            delete=commands.remove(app, machine.ssh.sudo, self._args.owned_by, data=self._app.deletes_data),
            add_previous_output_in_env=False,
            opts=self._options([reached]),
        )

    def _on_machine(
        self, step: str, line: str, stdin: pulumi.Input[str], after: pulumi.Input[list[pulumi.Resource]]
    ) -> command.remote.Command:
        return command.remote.Command(
            self._child(step),
            connection=self._machine.ssh.connection(DIALS),
            create=line,
            update=line,
            stdin=pulumi.Output.secret(stdin),
            triggers=[self._machine.instance_id],
            add_previous_output_in_env=False,
            opts=self._options(after),
        )

    def _push_source(self, prepared: pulumi.Resource) -> PushSource:
        return PushSource(
            self._child("push-source"),
            repository=str(self._args.source.repository.path),
            app=self._app.name,
            revision=self._args.revision.sha,
            directory=self._args.source.repository.directory,
            allow_missing=self._args.source.allow_missing,
            ssh=self._machine.ssh,
            triggers=[self._machine.instance_id],
            timeout=specifications.longest(self._app),
            opts=self._options([prepared]),
        )

    def _release_notes(self, released: pulumi.Resource) -> ReleaseNotes:
        args, plan = self._args, self.plan
        return ReleaseNotes(
            self._child("release-notes"),
            app=self._app.name,
            repository=str(args.source.repository.path or ""),
            contents=Contents(
                revision=args.revision.sha,
                dependencies={name: version for name, version in plan.install.packages.items() if version},
                decisions=plan.decisions,
                notes=plan.notes,
                release=plan.processes.get("release", ""),
            ),
            variables=pulumi.Output.all(dict(args.environment), dict(args.secrets)).apply(_digests),
            opts=self._options([released]),
        )

    def _machine_state(self, released: pulumi.Resource) -> MachineState:
        return MachineState(
            self._child("machine-state"),
            app=self._app.name,
            access=self._machine.ssh,
            triggers=[self._machine.instance_id],
            opts=self._options([released]),
        )

    def _check_public_url(self, released: pulumi.Resource) -> CheckPublicUrl:
        machine, app = self._machine, self._app
        extra: PublicUrlExtra = {} if machine.firewall.managed else {"unmanaged": True}
        if app.basic_auth:
            user = min(app.basic_auth)
            extra["credentials"] = pulumi.Output.secret(pulumi.Output.concat(user, ":", app.basic_auth[user]))
        local_port = self._local_port()
        place = pulumi.Output.all(machine.address, local_port)
        certificates = pulumi.Output.all(app.tls.acme_root, app.tls.certificate)
        return CheckPublicUrl(
            self._child("check-public-url"),
            url={
                "address": place.apply(lambda values: "127.0.0.1" if values[1] else values[0]),
                "host": app.domain or place.apply(lambda values: app.local_name if values[1] else values[0]),
                "port": local_port.apply(lambda port: port or app.public_port),
                "http_port": local_port.apply(lambda port: port or app.http_port),
                "https": bool(app.domain),
                "path": app.health.path or self.plan.health_path,
                "status": app.health.expected(),
                "ca": certificates.apply(lambda certificate: certificate[0] or certificate[1]),
                "timeout": CERTIFICATE_TIMEOUT if app.domain else ANSWER_TIMEOUT,
                "request_timeout": max(REQUEST_TIMEOUT, app.health.request_timeout),
                "fronted": bool(app.trusted_proxies),
                **extra,
            },
            revision=self._args.revision.sha,
            firewall=machine.firewall.as_data(),
            triggers=[machine.instance_id, machine.boot_id],
            opts=self._options([released]),
        )


def _digests(variables: list[dict[str, str]]) -> dict[str, str]:
    """A digest of the value of each variable, in which a change shows without the value."""
    return {
        name: hashlib.sha256(f"{name}\0{value}".encode()).hexdigest()[:16]
        for group in variables
        for name, value in group.items()
    }
