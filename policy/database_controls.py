"""The controls about database servers: AWS Foundational Security Best Practices (RDS.*), Checkov (CKV*), and ours."""

from __future__ import annotations

from collections.abc import Iterator

from policy import resources as r
from policy.judging import control
from policy.resources import Resource, Resources, of

BACKUP_DAYS = 7
DEFAULT_PORTS = {"postgres": 5432, "mysql": 3306, "mariadb": 3306}
DEFAULT_ADMINS = ("postgres", "admin", "root", "rdsadmin")


@control("RDS.1")
def snapshots_private(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """No snapshot of a database can be restored by everybody."""
    for snapshot in of(resources, r.RDS_SNAPSHOT):
        if "all" in (snapshot.inputs.get("sharedAccounts") or []):
            yield snapshot, "everybody may restore the snapshot"


@control("RDS.2", "CKV_AWS_17")
def not_public(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database has no public address."""
    yield from _where(resources, lambda inputs: bool(inputs.get("publiclyAccessible")), "it has a public address")


@control("RDS.3", "CKV_AWS_16")
def encrypted(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database's disk is encrypted, and so are its snapshots (RDS.4)."""
    yield from _where(resources, lambda inputs: inputs.get("storageEncrypted") is not True, "it is not encrypted")


@control("RDS.5", "CKV_AWS_157")
def in_several_zones(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database has a second server in another zone."""
    yield from _where(resources, lambda inputs: inputs.get("multiAz") is not True, "it is in one zone only")


@control("RDS.6", "CKV_AWS_118")
def enhanced_monitoring(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """The system that a database runs on is monitored in detail."""
    yield from _where(resources, lambda inputs: not inputs.get("monitoringInterval"), "enhanced monitoring is off")


@control("RDS.8", "CKV_AWS_293")
def deletion_protected(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database is protected from deletion."""
    yield from _where(resources, lambda inputs: inputs.get("deletionProtection") is not True, "it can be deleted")


@control("RDS.9", "RDS.36", "CKV_AWS_129")
def logs_published(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database's logs are published to CloudWatch."""

    def silent(inputs: r.Inputs) -> bool:
        return "postgresql" not in (inputs.get("enabledCloudwatchLogsExports") or [])

    yield from _where(resources, silent, "its log is not published")


@control("RDS.10", "CKV_AWS_161")
def iam_authentication(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database accepts IAM authentication."""
    yield from _where(
        resources,
        lambda inputs: inputs.get("iamDatabaseAuthenticationEnabled") is not True,
        "it accepts no IAM authentication",
    )


@control("RDS.11", "CKV_AWS_133")
def backed_up(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database has automatic backups of a week."""
    yield from _where(
        resources,
        lambda inputs: int(inputs.get("backupRetentionPeriod") or 0) < BACKUP_DAYS,
        f"its backups are kept for less than {BACKUP_DAYS} days",
    )


@control("RDS.13", "CKV_AWS_226")
def upgraded(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database gets minor versions by itself."""
    yield from _where(
        resources, lambda inputs: inputs.get("autoMinorVersionUpgrade") is False, "it gets no minor versions by itself"
    )


@control("RDS.17", "CKV2_AWS_60")
def tags_copied(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """The snapshots of a database have its tags."""
    yield from _where(
        resources, lambda inputs: inputs.get("copyTagsToSnapshot") is not True, "its snapshots have no tags"
    )


@control("RDS.18")
def in_a_vpc(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database is in subnets that somebody has chosen."""
    yield from _where(resources, lambda inputs: not inputs.get("dbSubnetGroupName"), "no subnets are named for it")


@control("RDS.23")
def unusual_port(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database does not use its engine's default port."""

    def usual(inputs: r.Inputs) -> bool:
        default = DEFAULT_PORTS.get(str(inputs.get("engine")), 0)
        return int(inputs.get("port") or default) == default

    yield from _where(resources, usual, "it uses its engine's default port")


@control("RDS.25")
def unusual_admin(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database's administrator has no default name."""

    def usual(inputs: r.Inputs) -> bool:
        return inputs.get("username") in (*DEFAULT_ADMINS, None) and not inputs.get("snapshotIdentifier")

    yield from _where(resources, usual, "its administrator has a default name")


@control("RDS.38", "CKV2_AWS_69")
def encrypted_in_transit(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """Nobody connects to a PostgreSQL server without TLS."""
    forced = {
        group.name
        for group in of(resources, r.RDS_PARAMETERS)
        for each in group.inputs.get("parameters") or []
        if each.get("name") == "rds.force_ssl" and str(each.get("value")) == "1"
    }
    for server in of(resources, r.RDS):
        if server.inputs.get("engine") == "postgres" and not forced & server.depends_on:
            yield server, "it may be used without TLS"


@control("RDS.46")
def in_private_subnets(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """A database is in no subnet with a route to the internet."""
    public = {
        table.name
        for table in of(resources, r.ROUTES)
        if any(route.get("gatewayId") for route in table.inputs.get("routes") or [])
    }
    open_subnets = {
        name for use in of(resources, r.SUBNET_ROUTE) if public & use.depends_on for name in use.depends_on - public
    }
    for group in of(resources, r.RDS_SUBNETS):
        if open_subnets & group.depends_on:
            yield group, "a subnet has a route to the internet"


@control("LAUNCHPAD.4")
def password_managed(resources: Resources) -> Iterator[tuple[Resource, str]]:
    """RDS makes, keeps and changes the administrator's password: it is in no state."""

    def given(inputs: r.Inputs) -> bool:
        known = any(inputs.get(name) for name in ("password", "passwordWo"))
        return inputs.get("manageMasterUserPassword") is not True or known

    yield from _where(resources, given, "its administrator's password is not RDS's own affair")


def _where(resources: Resources, wrong: r.Judge, message: str) -> Iterator[tuple[Resource, str]]:
    for server in of(resources, r.RDS):
        if wrong(server.inputs):
            yield server, message
