"""Specifications: what is taken over, and every mistake at once."""

from typing import Any

import pytest

from infra.host.failure import Failure
from infra.host.reading import duration
from infra.host.spec import Health, Limits, Tls, deploy_spec, prepare_spec


def deploy(**values: Any) -> dict[str, Any]:
    return {"schema": 1, "app": "app", "repository": {"kind": "pushed"}, **values}


def mistakes(check: Any, value: Any) -> list[str]:
    with pytest.raises(Failure) as caught:
        check(value)
    return str(caught.value).splitlines()[1:]


def test_prepare_defaults() -> None:
    spec = prepare_spec(
        {"schema": 1, "app": "app", "program": "abc", "domain": None, "tls": None, "package_index": None}
    )
    assert (spec.http_port, spec.domain, spec.tls, spec.packages, spec.limits) == (80, None, Tls(), (), Limits())


def test_prepare_limits() -> None:
    given = {
        "request_body": "1.5MB",
        "header": "8KiB",
        "request_timeout": 90,
        "timeouts": {"idle": "2m", "write": "500ms"},
    }
    limits = prepare_spec({"schema": 1, "app": "app", "limits": given}).limits
    assert limits == Limits(request_body=1_500_000, header=8192, write=0.5, idle=120, response=90)


def test_prepare_mistakes() -> None:
    value = {
        **{"schema": 2, "app": "My App", "http_port": 0, "domain": "Example", "packages": ["-y", "libpq5"], "x": 1},
        **{"tls": {"certificate": "no", "acme_ca": "ftp://x"}, "limits": {"request_body": "big"}},
    }
    assert mistakes(prepare_spec, value) == [
        "  schema: is 2; this program knows schema 1",
        "  app: is 'My App'; allowed: a lower-case letter, then letters, digits and hyphens, at most 24 characters",
        "  http_port: is 0; allowed: a whole number from 1 to 65535",
        "  domain: is 'Example'; allowed: a lower-case domain name such as example.org",
        "  tls.acme_ca: is 'ftp://x'; allowed: an http or https URL",
        "  tls: certificate and key belong together; one of them is missing",
        "  tls.certificate: is not a certificate in PEM form",
        "  packages: contains '-y'; allowed: names of Debian packages, such as libpq5",
        "  limits.request_body: is 'big'; allowed: a size such as \"10MB\", at least 1 bytes",
        "  tls: needs a domain",
        "  x: is not a known key; known: app, domain, http_port, https_port, limits, lock_timeout, package_index, "
        "packages, program, schema, tls",
    ]


def test_deploy_takes_everything_over() -> None:
    spec = deploy_spec(
        deploy(
            directory="/web/",
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
        repository={"kind": "url", "deploy_key": "x"},
        directory="a/../b",
        env={"A": "1", "N": 5, "LAUNCHPAD_X": "y"},
        secrets={"A": "2", "T": True, "Z": "a\0b"},
        health={"path": "up", "status": [99, "300-200"], "timeout": True},
        lock_timeout=-1,
    )
    assert mistakes(deploy_spec, value) == [
        "  repository.url: is missing",
        "  repository.deploy_key: is not a private key",
        "  directory: is 'a/../b'; allowed: a path inside the repository",
        "  env.N: must be text, not a number (5); put it in quotes",
        "  env.LAUNCHPAD_X: is set by Launchpad and cannot be given",
        "  secrets.T: must be text, not true or false; put it in quotes",
        "  secrets.Z: contains a zero byte, which no variable can carry",
        "  health.path: is 'up'; allowed: a path that begins with /",
        '  health.status: contains 99; allowed: codes such as 200 and ranges such as "200-399"',
        "  health.status: contains '300-200'; allowed: codes such as 200 and ranges such as \"200-399\"",
        "  health.timeout: is True; allowed: seconds from 0.1 to 3600",
        "  lock_timeout: is -1; allowed: seconds from 0 to 86400",
        "  secrets.A: is also in env; keep one of the two",
    ]


def test_ports_of_the_other_kind() -> None:
    assert mistakes(prepare_spec, {"schema": 1, "app": "app", "http_port": 443, "https_port": 80}) == [
        "  http_port: is 443, which is for HTTPS; that comes with a domain",
        "  https_port: is 80, which is for plain HTTP",
    ]


def test_a_wrong_secret_is_not_shown() -> None:
    key = "canary\0-----BEGIN PRIVATE KEY-----"
    found = mistakes(
        prepare_spec, {"schema": 1, "app": "app", "domain": "a.org", "tls": {"certificate": "x", "key": key}}
    )
    assert "  tls.key: is [secret]; allowed: text" in found
    found += mistakes(deploy_spec, deploy(repository={"kind": "url", "url": "git@h:x", "deploy_key": key}))
    assert "  repository.deploy_key: is [secret]; allowed: text" in found
    assert "canary" not in "\n".join(found)


def test_not_an_object() -> None:
    assert mistakes(deploy_spec, [])[0] == "  the specification: must be an object, not a list"


@pytest.mark.parametrize("path", ["/up?token=a{b}", "/a b", "/x\r\nHost: y"])
def test_health_paths_cannot_smuggle(path: str) -> None:
    if " " in path or "\r" in path:
        assert mistakes(deploy_spec, deploy(health={"path": path}))
    else:
        assert deploy_spec(deploy(health={"path": path})).health.path == path


@pytest.mark.parametrize(
    ("value", "seconds"), [(3, 3), (0.5, 0.5), ("500ms", 0.5), ("2 m", 120), ("1h", 3600), ("x", None), (True, None)]
)
def test_duration(value: Any, seconds: float | None) -> None:
    assert duration(value) == seconds
