"""Launchpad: settings -> machine -> deployment -> outputs."""

import pulumi

from infra import outputs, settings
from infra.deployment import commands, repository
from infra.deployment.deployment import Deployment, DeploymentArgs
from infra.machines import keys
from infra.machines.launch import launch

try:
    wanted = settings.load()
    source = repository.find(wanted.repository, wanted.directory)
    revision = repository.resolve(source, wanted.revision, wanted.deploy_key, wanted.known_hosts, wanted.allow_missing)
except (settings.SettingsError, repository.RepositoryError) as mistake:
    raise pulumi.RunError(str(mistake)) from None

machine = launch(wanted)
app = Deployment(wanted.app, DeploymentArgs(wanted, machine, source, revision))
pulumi.log.info(f"{wanted.app}: revision {revision.sha[:12]} ({revision.name}) {revision.subject}".rstrip(), app)
for warning in revision.warnings:
    pulumi.log.warn(warning, app)

for name, value in outputs.checked(
    {
        "url": app.url,
        "health_url": machine.address.apply(lambda address: commands.health_url(wanted, address)),
        "public_ip": machine.address,
        "machine": machine.kind,
        "ssh": app.ssh,
        "host_key_fingerprint": machine.host_key.apply(keys.fingerprint),
        "security_group_rules": machine.firewall.as_data(),
        "app_user": wanted.app,
        "revision": revision.sha,
        "release": app.release,
    }
).items():
    pulumi.export(name, value)
