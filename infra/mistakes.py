"""Mistakes in config that no single value shows: keys that are none, and values that do not go together."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from infra import pem
from infra.keys import DEFAULTS, KINDS, NAMESPACE, READERS

WIDEST_PREFIX = 8
"""SSH networks wider than a /8 are taken for "anywhere" and need ``ssh_from_anywhere`` (CKV_AWS_24, FSBP EC2.13)."""


def hint(key: str) -> str:
    """What an unknown key may have been meant for."""
    name, dot, _ = key.partition(".")
    if dot and name in READERS:
        return f"to set a part of {NAMESPACE}:{name} use: pulumi config set --path {NAMESPACE}:{key}"
    near = difflib.get_close_matches(key, READERS, n=1)
    return f"did you mean {NAMESPACE}:{near[0]}?" if near else "see Pulumi.yaml"


def across(read: Mapping[str, Any]) -> list[str]:
    """Mistakes that only two keys together make."""
    found = []
    if not read.get("repository", "x"):
        found.append(
            f"{NAMESPACE}:repository is empty; it must be a local path or an https or ssh URL of a git repository"
        )
    open_to_all = [cidr for cidr in read.get("ssh_cidrs", ()) if int(cidr.rpartition("/")[2]) < WIDEST_PREFIX]
    if open_to_all and not read.get("ssh_from_anywhere"):
        found.append(
            f"{NAMESPACE}:ssh_cidrs holds {open_to_all[0]}, much of the internet; name your own network, "
            f"or set {NAMESPACE}:ssh_from_anywhere to true if you mean it"
        )
    doors = [
        rule["cidr"]
        for rule in read.get("rules", ())
        if rule["protocol"] == "tcp"
        and rule["from_port"] <= 22 <= rule["to_port"]
        and int(rule["cidr"].rpartition("/")[2]) < WIDEST_PREFIX
    ]
    if doors and not read.get("ssh_from_anywhere"):
        found.append(
            f"{NAMESPACE}:rules opens port 22, SSH, to {doors[0]}, much of the internet; leave it out of the ports, "
            f"or set {NAMESPACE}:ssh_from_anywhere to true if you mean it"
        )
    twice = sorted(set(read.get("env", ())) & set(read.get("secrets", ())))
    if twice:
        found.append(
            f"{NAMESPACE}:env and {NAMESPACE}:secrets both hold {', '.join(twice)}; keep each name in one of them"
        )
    if bool(read.get("tls_certificate")) != bool(read.get("tls_key")):
        found.append(f"{NAMESPACE}:tls_certificate and {NAMESPACE}:tls_key go together; one of them is empty")
    elif read.get("tls_key") and (why := pem.misfit(read["tls_certificate"], read["tls_key"])):
        found.append(
            f"{NAMESPACE}:tls_key {why} {NAMESPACE}:tls_certificate; set both anew, the app's own certificate first"
        )
    if read.get("tls_certificate") and read.get("acme_ca"):
        found.append(f"{NAMESPACE}:tls_certificate and {NAMESPACE}:acme_ca are both set; keep one of them")
    if read.get("acme_root") and not read.get("acme_ca"):
        found.append(f"{NAMESPACE}:acme_root is set but {NAMESPACE}:acme_ca is empty; set the server that it is for")
    for key in ("tls_certificate", "acme_ca"):
        if read.get(key) and not read.get("domain"):
            found.append(f"{NAMESPACE}:{key} is set but {NAMESPACE}:domain is empty; set the domain that it is for")
    if read.get("machine") == "ec2":
        found += _of_ec2(read)
    found += _of_another_machine(read)
    if taken := _taken(read.get("http_port", 0)):
        found.append(f"{NAMESPACE}:http_port is {read['http_port']}, which is taken by {taken}; choose another")
    return found


def _taken(port: int) -> str:
    """What a machine needs a port for itself; empty where the app may have it. infra/host/spec.py has the same."""
    if port == 443:
        return f"HTTPS: that comes with {NAMESPACE}:domain"
    if port == 22:
        return "SSH"
    return "the releases on the machine, 20001 to 29999" if 20001 <= port <= 29999 else ""


def _of_another_machine(read: Mapping[str, Any]) -> list[str]:
    """Keys that have been set and that the chosen kind of machine does not read."""
    return [
        f"{NAMESPACE}:{key} is set, but only machine {kind} reads it, and this stack's is {read['machine']}; "
        f"take it away: pulumi config rm {NAMESPACE}:{key}"
        for kind, keys in KINDS.items()
        for key in keys
        if "machine" in read and kind != read["machine"] and key in read
        if read[key] != READERS[key](DEFAULTS.get(key, ""))
    ]


def _of_ec2(read: Mapping[str, Any]) -> list[str]:
    """Mistakes that only machine ec2 makes of a key."""
    found = []
    if not read.get("region", "x"):
        found.append(f"{NAMESPACE}:region is empty; it must be the AWS region of the machine, such as eu-central-1")
    if not read.get("ssh_cidrs", "x") and read.get("ssh_via", "direct") == "direct":
        found.append(
            f"{NAMESPACE}:ssh_cidrs is empty, so no deployment could reach the machine; it must hold your own network, "
            f'such as ["203.0.113.7/32"], or {NAMESPACE}:ssh_via be ssm'
        )
    if bool(read.get("vpc_id")) != bool(read.get("subnet_id")):
        found.append(f"{NAMESPACE}:vpc_id and {NAMESPACE}:subnet_id go together; one of them is empty")
    return found
