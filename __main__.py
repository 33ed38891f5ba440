"""Launchpad: settings -> machine -> deployments -> outputs."""

import pulumi

from infra import from_settings, outputs, pulumi_internals
from infra.common import garbage
from infra.config.load import load
from infra.config.parse import SettingsError
from infra.deployment.backups import back_up
from infra.deployment.data_guard import DataGuard, Watch
from infra.deployment.deployment import Deployment
from infra.deployment.machine_firewall import guarded
from infra.deployment.machine_settings import set_up
from infra.machines.registry import KINDS, launch

garbage.overlook_modules()
pulumi_internals.end_when_told()
try:
    wanted = load(KINDS)
except SettingsError as mistake:
    raise pulumi.RunError(str(mistake)) from None
apps, refused = from_settings.apps(wanted)

watch = Watch()
machine = guarded(launch("machine", wanted))
deployed = {each.app.name: Deployment(each.app.name, each.on(machine)) for each in apps}
set_up(machine, from_settings.machine_settings(wanted, KINDS[wanted.machine], machine), deployed.values())
back_up(machine, from_settings.backups(wanted, from_settings.owner()), deployed.values())
reached = [deployment.reached for deployment in deployed.values()]
DataGuard(from_settings.data_terms(wanted, KINDS[wanted.machine], machine), machine, watch.seen, reached)

for name, value in outputs.checked(
    {
        "address": machine.address,
        "machine_kind": machine.kind,
        "ssh": next(iter(deployed.values())).ssh,
        "host_key_fingerprint": machine.ssh.fingerprint(),
        "firewall_rules": machine.firewall.as_data(),
        **outputs.of_apps({name: deployment.outputs() for name, deployment in deployed.items()}),
    }
).items():
    pulumi.export(name, value)

if refused:  # at the end: Pulumi deploys what is declared, and removes nothing
    raise pulumi.RunError(refused)
