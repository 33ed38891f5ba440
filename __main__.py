"""Launchpad: settings -> machine -> deployment -> outputs."""

import pulumi

from infra import from_settings, outputs
from infra.config.load import load
from infra.config.parse import SettingsError
from infra.deployment import app_plan
from infra.deployment.arguments import DeploymentArgs
from infra.deployment.deployment import Deployment
from infra.deployment.repository import RepositoryError
from infra.machines.registry import KINDS, launch

try:
    wanted = load(KINDS)
    app_plan.preload()
    source = from_settings.source(wanted)
    revision = source.resolve(wanted.revision)
    app = from_settings.app(wanted)
    planned = app_plan.read(app, source, revision, wanted.env, wanted.secrets)
except (SettingsError, RepositoryError) as mistake:
    raise pulumi.RunError(str(mistake)) from None

machine = launch("machine", wanted)
deployed = Deployment(wanted.app, DeploymentArgs(app, machine, source, revision, wanted.env, wanted.secrets, planned))
pulumi.log.info(f"{wanted.app}: revision {revision.sha[:12]} ({revision.name}) {revision.subject}".rstrip(), deployed)
for warning in revision.warnings:
    pulumi.log.warn(warning, deployed)

for name, value in outputs.checked(
    {
        "url": deployed.url,
        "health_url": deployed.health_url,
        "address": machine.address,
        "machine_kind": machine.kind,
        "ssh": deployed.ssh,
        "host_key_fingerprint": machine.ssh.fingerprint(),
        "firewall_rules": machine.firewall.as_data(),
        "app_user": wanted.app,
        "revision": revision.sha,
        "release": deployed.release,
    }
).items():
    pulumi.export(name, value)
