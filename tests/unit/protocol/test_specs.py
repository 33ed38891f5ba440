"""Specifications: what is taken over, and every mistake at once."""

import json
from typing import Any

import pytest

from infra.protocol import data_disk as disks
from infra.protocol.codec import SCHEMA, Message, MessageError, dump, load
from infra.protocol.quantities import duration
from infra.protocol.specs import DeploySpec, Health, Limits, PrepareSpec, Source, Tls
from tests.unit.config import pem


def deploy(**values: Any) -> dict[str, Any]:
    return {"schema": SCHEMA, "app": "app", "source": {"kind": "pushed"}, **values}


def prepared(value: Any) -> PrepareSpec:
    return load(PrepareSpec, value)


def deployed(value: Any) -> DeploySpec:
    return load(DeploySpec, value)


def mistakes(cls: type[Message], value: Any) -> list[str]:
    with pytest.raises(MessageError) as caught:
        load(cls, value)
    return str(caught.value).splitlines()[1:]


def test_prepare_defaults() -> None:
    spec = prepared(
        {"schema": SCHEMA, "app": "app", "program": "abc", "domain": None, "tls": None, "package_index": None}
    )
    assert (spec.http_port, spec.domain, spec.tls, spec.packages, spec.limits) == (80, "", Tls(), (), Limits())


def test_prepare_limits() -> None:
    given = {"request_body": "1.5MB", "request_header": "8KiB", "response": "1.5m"}
    limits = prepared({"schema": SCHEMA, "app": "app", "limits": given}).limits
    assert limits == Limits(request_body=1_500_000, request_header=8192, response=90)


def test_prepare_mistakes() -> None:
    value = {
        **{"schema": 1, "app": "My App", "http_port": 0, "domain": "Example", "packages": ["-y", "libpq5"], "x": 1},
        **{"tls": {"certificate": "no", "acme_ca": "ftp://x"}, "limits": {"request_body": "big"}},
    }
    assert mistakes(PrepareSpec, value) == [
        f"  schema: is 1; this program knows schema {SCHEMA}",
        "  app: is 'My App'; it must be a name of 1 to 24 lower-case letters, digits and -, letter first",
        "  http_port: is 0; it must be a whole number from 1 to 65535",
        "  domain: is 'Example'; it must be a host name such as app.example.org",
        "  tls.certificate: is 'no'; it must be certificates in PEM form, with their line breaks, from "
        "-----BEGIN CERTIFICATE----- on",
        "  tls.acme_ca: is 'ftp://x'; it must be a URL that starts with https:// or http://, without spaces, quotes, "
        "braces and backslashes",
        '  packages: is ["-y", "libpq5"]; it must be a list of Debian packages, such as ["libpq5"]',
        "  limits.request_body: is 'big'; it must be a size such as 512KB, 10MB or 1GB",
        "  x: is not a known key; known: aliases, app, basic_auth, cache, data_disk, data_disk_size, database, domain, "
        "hsts, http_port, limits, lock_timeout, owner, package_index, packages, program, tls, trusted_proxies",
    ]


@pytest.mark.parametrize(
    "disk",
    [
        "",
        "mounted",
        "/dev/vdb",
        "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0",
        "/dev/disk/by-id/nvme-data,/dev/xvdf",
    ],
)
def test_a_disk_for_data_is_mounted_already_or_a_block_device(disk: str) -> None:
    assert prepared({"schema": SCHEMA, "app": "app", "data_disk": disk}).data_disk == disk


@pytest.mark.parametrize(
    "disk",
    [
        "unmounted",
        "vdb",
        "/dev",
        "/dev/../etc/shadow",
        "/dev/a b",
        "/home/disk",
        "/dev/x\n",
        "/dev/a,",
        "/dev/a,/etc/shadow",
        "/dev/..,/dev/a",
        "/dev/a,mounted",
    ],
)
def test_a_disk_for_data_is_nothing_but_a_device(disk: str) -> None:
    words = "it must be empty, mounted, or the path of a block device such as /dev/disk/by-id/nvme-data"
    assert words in mistakes(PrepareSpec, {"schema": SCHEMA, "app": "app", "data_disk": disk})[0]


def test_a_device_may_have_several_paths() -> None:
    assert disks.devices("/dev/disk/by-id/nvme-data,/dev/xvdf") == ("/dev/disk/by-id/nvme-data", "/dev/xvdf")
    assert disks.devices("/dev/vdb") == ("/dev/vdb",)


def test_parts_of_tls_that_do_not_go_together_are_told() -> None:
    one = {"schema": SCHEMA, "app": "app", "domain": "a.org", "tls": {"certificate": pem.pair()[0]}}
    assert mistakes(PrepareSpec, one) == ["  tls: certificate and key must be set together; one of them is empty"]
    server = {"schema": SCHEMA, "app": "app", "tls": {"acme_ca": "https://ca.example.org/"}}
    assert mistakes(PrepareSpec, server) == ["  tls: is set but domain is empty; set the domain of the certificate"]
    certificate, key = pem.pair()
    aliases = {"schema": SCHEMA, "app": "app", "aliases": ["b.org"]}
    assert mistakes(PrepareSpec, aliases) == [
        "  aliases: is set but domain is empty; set the host name that they redirect to"
    ]
    twice = "  aliases: holds a host name twice, or the domain itself; name each host name once"
    for names in (["a.org"], ["b.org", "b.org"]):
        assert mistakes(PrepareSpec, {**aliases, "domain": "a.org", "aliases": names}) == [twice]
    both = {"schema": SCHEMA, "app": "app", "domain": "a.org"}
    tls = {"certificate": certificate, "key": key, "acme_ca": "https://ca.example.org/"}
    assert mistakes(PrepareSpec, {**both, "tls": tls}) == [
        "  tls: certificate and acme_ca are both set; keep one of them"
    ]


def test_deploy_takes_everything_over() -> None:
    spec = deployed(
        deploy(
            directory="./web/",
            env={"B": "2", "A": "1"},
            secrets={"S": "x"},
            health={"path": "/up", "status": "200, 301-302", "timeout": "2m"},
            keep_releases=3.0,
        )
    )
    assert (spec.directory, spec.env, spec.secrets) == ("web", (("A", "1"), ("B", "2")), (("S", "x"),))
    assert spec.health == Health(path="/up", status=((200, 200), (301, 302)), timeout=120)
    assert spec.keep_releases == 3


def test_deploy_mistakes() -> None:
    value = deploy(
        source={"kind": "url", "deploy_key": "x"},
        directory="a/../b",
        env={"A": "1", "N": 5, "LAUNCHPAD_X": "y"},
        secrets={"A": "2", "T": True, "Z": "a\0b"},
        health={"path": "up", "status": "300-200", "timeout": True},
        lock_timeout=-1,
    )
    assert mistakes(DeploySpec, value) == [
        "  source.deploy_key: is [secret]; it must be a private key in PEM form, with its line breaks, such as one that "
        "begins with -----BEGIN OPENSSH PRIVATE KEY-----",
        "  source.url: is missing",
        "  directory: is 'a/../b'; it must be a directory inside the repository, relative to its root, without .. and .git",
        "  env.N: is 5; it must be text; put it in quotes",
        "  env.LAUNCHPAD_X: is 'y'; it must be left out, because Launchpad sets LAUNCHPAD_X itself; give the app's own "
        "variable another name",
        "  secrets.T: is [secret]; it must be text; put it in quotes",
        "  secrets.Z: is [secret]; it must be text without zero bytes, which a variable cannot contain",
        "  health.path: is 'up'; it must be a URL path that starts with / and has no spaces, such as /healthz",
        "  health.status: is '300-200'; it must be HTTP status codes such as 200 or 200,204 or 200-399",
        "  health.timeout: is true; it must be a time from 1 to 3600 seconds, such as 90, 90s, 5m or 1h",
        "  lock_timeout: is -1; it must be a time from 0 to 86400 seconds, such as 90, 90s, 5m or 1h",
    ]


def test_a_name_in_env_and_secrets_is_told() -> None:
    assert mistakes(DeploySpec, deploy(env={"A": "1"}, secrets={"A": "2"})) == [
        "  secrets.A: is also in env; keep it in one of them"
    ]


@pytest.mark.parametrize(
    ("port", "taken"),
    [
        (443, "HTTPS, which a domain turns on"),
        (22, "SSH"),
        (20001, "releases on the machine (20001 to 29999)"),
        (29999, "releases on the machine (20001 to 29999)"),
    ],
)
def test_ports_that_the_machine_needs(port: int, taken: str) -> None:
    assert mistakes(PrepareSpec, {"schema": SCHEMA, "app": "app", "http_port": port}) == [
        f"  http_port: is {port}, which is reserved for {taken}; choose another"
    ]


def test_a_wrong_secret_is_not_shown() -> None:
    key = "canary\0-----BEGIN PRIVATE KEY-----"
    lines = mistakes(
        PrepareSpec, {"schema": SCHEMA, "app": "app", "domain": "a.org", "tls": {"certificate": key, "key": key}}
    )
    lines += mistakes(DeploySpec, deploy(source={"kind": "url", "url": "git@h:x", "deploy_key": key}))
    assert sum(": is [secret]; it must be " in line for line in lines) == 3
    assert "canary" not in "\n".join(lines)


def test_no_message_shows_its_secrets_when_printed() -> None:
    source = Source("url", "https://canary-1@h/x", "canary-2")
    spec = DeploySpec("app", source, secrets=(("A", "canary-3"),), package_index="https://canary-4@h/")
    prepare = PrepareSpec("app", tls=Tls(certificate="C", key="canary-5"), package_index="https://canary-6@h/")
    assert "canary" not in f"{spec!r} {prepare!r}"


def test_what_is_dumped_is_loaded_as_it_was() -> None:
    certificate, key = pem.pair()
    prepare = PrepareSpec(
        "shop",
        http_port=8080,
        domain="a.example.org",
        tls=Tls(certificate=certificate.strip(), key=key.strip()),
        packages=("libpq5", "g++"),
        limits=Limits(request_body=1, response=1.5),
        package_index="https://mirror.example.org/simple/",
        program="d1",
    )
    spec = DeploySpec(
        "shop",
        Source("url", "git@h:shop.git", pem.ssh().strip(), "h ssh-ed25519 A"),
        directory="web",
        command="gunicorn app:app",
        env=(("A", "1"), ("B", "é\n")),
        secrets=(("C", "3"),),
        health=Health("/up", ((200, 204), (301, 301)), 90, host="a.example.org"),
        allow_missing=("lfs",),
        metadata_access=True,
    )
    assert load(PrepareSpec, json.loads(json.dumps(dump(prepare)))) == prepare
    assert load(DeploySpec, json.loads(json.dumps(dump(spec)))) == spec


def test_not_an_object() -> None:
    assert mistakes(DeploySpec, [])[0] == "  the message: must be an object, not a list"


@pytest.mark.parametrize("path", ["/up?token=a{b}", "/a b", "/x\r\nHost: y"])
def test_health_paths_cannot_smuggle(path: str) -> None:
    if " " in path or "\r" in path:
        assert mistakes(DeploySpec, deploy(health={"path": path}))
    else:
        assert deployed(deploy(health={"path": path})).health.path == path


@pytest.mark.parametrize(
    ("value", "seconds"), [(3, 3), (0.5, 0.5), ("500ms", 0.5), ("2 m", 120), ("1h", 3600), ("x", None), (True, None)]
)
def test_duration(value: Any, seconds: float | None) -> None:
    assert duration(value) == seconds
