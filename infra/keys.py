"""The config keys of a stack: how each is read, what it is when nobody sets it, and which are secret."""

from __future__ import annotations

from infra import pem, rules, values, variables

NAMESPACE = "launchpad"

SECRET = ("secrets", "deploy_key", "tls_key")
"""Keys whose value must be set with ``pulumi config set --secret``."""

KINDS: dict[str, tuple[str, ...]] = {
    "embedded": ("memory", "disk", "cpus"),
    "ec2": (
        *("region", "instance_type", "volume", "ami", "monitoring", "termination_protection", "vpc_id", "subnet_id"),
        *("vpc_cidr", "tags", "preflight", "ssh_via"),
    ),
}
"""Keys that only one kind of machine reads."""

READERS: dict[str, values.Reader] = {
    "machine": values.choice("embedded", "ec2"),
    "app": values.app_name,
    "repository": values.text,
    "revision": values.pattern(r"[^\s~^:?*\[\\-][^\s:?*\[\\]*", "a branch, a tag or a commit"),
    "directory": values.relative_directory,
    "allow_missing": values.words("lfs|submodules", 'a list of "lfs" and "submodules"'),
    "deploy_key": pem.ssh_key,
    "known_hosts": values.text,
    "command": values.command,
    "python": values.pattern(r"3\.\d{1,2}(\.\d{1,2})?", "a Python version such as 3.13", empty=True),
    "packages": values.words(r"[a-z0-9][a-z0-9+.-]+", 'a list of Debian packages, such as ["libpq5"]'),
    "package_index": values.http_url,
    "rebuild": values.text,
    "metadata_access": values.flag,
    "env": variables.environment,
    "secrets": variables.environment,
    "health_path": values.url_path,
    "health_status": values.status_codes,
    "health_timeout": values.whole_number(1, 3600),
    "http_port": values.whole_number(1, 65535),
    "domain": values.domain,
    "acme_ca": values.http_url,
    "acme_root": pem.certificates,
    "tls_certificate": pem.certificates,
    "tls_key": pem.tls_key,
    "request_body_limit": values.pattern(r"[1-9][0-9]{0,5}(KB|MB|GB)", "a size such as 512KB, 10MB or 1GB"),
    "request_timeout": values.whole_number(1, 86400),
    "web_cidrs": values.cidrs,
    "ssh_cidrs": values.cidrs,
    "ssh_from_anywhere": values.flag,
    "rules": rules.read,
    "drain_timeout": values.whole_number(0, 3600),
    "keep_releases": values.whole_number(1, 100),
    "lock_timeout": values.whole_number(0, 86400),
    "memory": values.megabytes(128),
    "disk": values.megabytes(512),
    "cpus": values.whole_number(0, 1024),
    "region": values.pattern(r"[a-z]{2}(-[a-z]+)+-[0-9]", "an AWS region such as eu-central-1", empty=True),
    "instance_type": values.pattern(
        r"[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as t3.small or t4g.small"
    ),
    "volume": values.gigabytes(8, 16384),
    "ami": values.pattern(r"ami-[0-9a-f]{8,17}", "the id of an image such as ami-0123456789abcdef0", empty=True),
    "monitoring": values.flag,
    "termination_protection": values.flag,
    "vpc_id": values.pattern(r"vpc-[0-9a-f]{8,17}", "the id of a VPC such as vpc-0123456789abcdef0", empty=True),
    "subnet_id": values.pattern(
        r"subnet-[0-9a-f]{8,17}", "the id of a subnet such as subnet-0123456789abcdef0", empty=True
    ),
    "vpc_cidr": values.network,
    "tags": values.tags,
    "preflight": values.flag,
    "ssh_via": values.choice("direct", "ssm"),
}

DEFAULTS: dict[str, str] = {
    "machine": "embedded",
    "app": "app",
    "repository": "./app",
    "revision": "HEAD",
    "allow_missing": "[]",
    "packages": "[]",
    "metadata_access": "false",
    "env": "{}",
    "secrets": "{}",
    "health_path": "/",
    "health_status": "200-399",
    "health_timeout": "60",
    "http_port": "80",
    "request_body_limit": "10MB",
    "request_timeout": "60",
    "web_cidrs": '["0.0.0.0/0", "::/0"]',
    "ssh_cidrs": "[]",
    "ssh_from_anywhere": "false",
    "rules": "[]",
    "drain_timeout": "30",
    "keep_releases": "5",
    "lock_timeout": "300",
    "memory": "1G",
    "disk": "4G",
    "cpus": "0",
    "instance_type": "t3.small",
    "volume": "20G",
    "monitoring": "true",
    "termination_protection": "false",
    "vpc_cidr": "10.64.0.0/16",
    "tags": "{}",
    "preflight": "true",
    "ssh_via": "direct",
}
"""What a key is when nobody sets it; the keys not listed are empty. Pulumi.yaml says the same, held by a test."""
