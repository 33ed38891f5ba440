"""The arguments of a deployment, and their checks: before any resource is created, or as soon as a value is known."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pulumi

from infra.deployment import specifications, variables
from infra.deployment.app import AppArgs
from infra.deployment.app_plan import Planned
from infra.deployment.revision import Revision
from infra.deployment.source import Source
from infra.deployment.specifications import Resolved
from infra.deployment.variables import Variables
from infra.machines.contract import Machine
from infra.protocol.codec import MessageError
from infra.protocol.database import Server
from infra.protocol.specs import Tls


@dataclass(frozen=True)
class DeploymentArgs:
    """The arguments of a deployment: the app, the commit, the machine and the environment."""

    app: AppArgs
    machine: Machine
    source: Source
    revision: Revision

    environment: Variables = field(default_factory=dict)
    """The app's environment variables. Values may be outputs of other resources."""

    secrets: Variables = field(default_factory=dict, repr=False)
    """Variables that are also masked in the app's log. The state stores them encrypted, like the environment."""

    planned: Planned | None = None
    """The build plan, for a program that makes it before its machine; None: the deployment makes it."""

    owner: str = ""
    """Whose the app is on its machine, where nobody else may take its name; empty: the project and the stack."""

    @property
    def owned_by(self) -> str:
        """The owner that the machine knows."""
        return self.owner or f"{pulumi.get_project()}/{pulumi.get_stack()}"


def for_prepare(args: DeploymentArgs) -> pulumi.Output[Resolved]:
    """The values of ``prepare`` that may be outputs of other resources.

    They do not include the environment, so that the machine is prepared while a database, for example, is created.

    Raises:
        RunError: In the output, as ``check`` does.
    """
    tls = args.app.tls

    def gather(values: list[Any]) -> Resolved:
        certificate, key, root, package_index, basic_auth, data_disk, data_disk_size, server = values
        resolved = Resolved(
            tls=Tls(certificate, key, tls.acme_ca, root),
            package_index=package_index,
            basic_auth=basic_auth,
            data_disk=data_disk or "",
            data_disk_size=data_disk_size,
            database=server,
        )
        return checked(args, resolved)

    app, disk, size = args.app, args.machine.data_disk or "", args.machine.data_disk_size
    return pulumi.Output.all(
        tls.certificate, tls.key, tls.acme_root, app.package_index, dict(app.basic_auth), disk, size, _server(args)
    ).apply(gather)


def for_deploy(args: DeploymentArgs, generated: pulumi.Output[dict[str, str]]) -> pulumi.Output[Resolved]:
    """The values of ``deploy`` that may be outputs of other resources.

    Args:
        args: The arguments.
        generated: Generated secrets; a variable of the arguments takes precedence over one of them.

    Raises:
        RunError: In the output, as ``check`` does.
    """

    def gather(values: list[Any]) -> Resolved:
        address, ports, package_index, environment, secrets, more, server = values
        generated = {name: text for name, text in (more or {}).items() if name not in {**environment, **secrets}}
        resolved = Resolved(
            address,
            args.app.local_port(ports),
            package_index=package_index,
            environment=environment,
            secrets={**generated, **secrets},
            generated=tuple(sorted(generated)),
            database=server,
        )
        return checked(args, resolved)

    machine, index = args.machine, args.app.package_index
    variables = (dict(args.environment), dict(args.secrets), generated)
    return pulumi.Output.all(machine.address, machine.local_ports, index, *variables, _server(args)).apply(gather)


def _server(args: DeploymentArgs) -> pulumi.Output[Server]:
    """The database server beside the machine; an empty one where there is none."""
    return pulumi.Output.from_input(args.machine.database).apply(lambda found: found or Server())


def known(args: DeploymentArgs) -> Resolved:
    """The values that are plain text already; outputs are left out."""

    def plain(variables: Variables) -> dict[str, str]:
        return {name: item for name, item in variables.items() if isinstance(item, str)}

    tls, index, data_disk = args.app.tls, args.app.package_index, args.machine.data_disk
    texts = [item for item in (tls.certificate, tls.key, tls.acme_root) if isinstance(item, str)]
    return Resolved(
        tls=Tls(texts[0], texts[1], tls.acme_ca, texts[2]) if len(texts) == 3 else Tls(acme_ca=tls.acme_ca),
        package_index=index if isinstance(index, str) else "",
        basic_auth=plain(args.app.basic_auth),
        environment=plain(args.environment),
        secrets=plain(args.secrets),
        data_disk=data_disk if isinstance(data_disk, str) else "",
    )


def check(args: DeploymentArgs) -> None:
    """Check everything that is known now.

    Raises:
        RunError: With every mistake, but without the values of variables, because any of them may be secret.
    """
    _refuse(args, known(args), variables.mistakes(args.environment, args.secrets))


def checked(args: DeploymentArgs, resolved: Resolved) -> Resolved:
    """Check the values and return them; raises ``RunError`` as ``check`` does."""
    _refuse(args, resolved, variables.mistakes(resolved.environment, resolved.secrets))
    return resolved


def _refuse(args: DeploymentArgs, resolved: Resolved, mistakes: list[str]) -> None:
    if mistakes:  # already reported, without their values
        resolved = replace(resolved, environment={}, secrets={})
    for spec in (
        specifications.prepare(args.app, resolved, "", args.owned_by),
        specifications.deploy(args.app, args.source, args.revision, resolved, ""),
    ):
        try:
            specifications.check(spec)
        except MessageError as error:
            mistakes = [*mistakes, *error.mistakes]
    if mistakes:
        lines = dict.fromkeys(f"  - {line}" for line in mistakes)  # both specifications may contain the same mistake
        raise pulumi.RunError("\n".join([f"{args.app.name} cannot be deployed:", *lines]))
