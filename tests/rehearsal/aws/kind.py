"""What a kind of resource is made of, and what all of them need: clients and tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3

Values = dict[str, Any]


@dataclass
class Account:
    """The provider's configuration, and clients for it."""

    region: str
    default_tags: dict[str, str]

    @classmethod
    def configured(cls, args: Values) -> Account:
        """From what the engine hands to Configure; nested values come as JSON."""
        tags = args.get("defaultTags") or {}
        return cls(args["region"], (json.loads(tags) if isinstance(tags, str) else tags).get("tags", {}))

    @cached_property
    def ec2(self) -> Any:
        """EC2's client."""
        return boto3.client("ec2", region_name=self.region)

    @cached_property
    def iam(self) -> Any:
        """IAM's client."""
        return boto3.client("iam", region_name=self.region)

    @cached_property
    def lightsail(self) -> Any:
        """Lightsail's client; ``AWS_ENDPOINT_URL_LIGHTSAIL`` says where its API is."""
        return boto3.client("lightsail", region_name=self.region)

    def tags(self, inputs: Values) -> list[dict[str, str]]:
        """Default tags and the resource's own, as AWS takes them."""
        return [{"Key": key, "Value": value} for key, value in {**self.default_tags, **inputs.get("tags", {})}.items()]

    def tagged(self, what: str, inputs: Values) -> list[Values]:
        """The same, for operations that make and tag at once."""
        return [{"ResourceType": what, "Tags": self.tags(inputs)}]

    def retag(self, identifier: str, inputs: Values) -> None:
        """Put the tags on what is there already."""
        self.ec2.create_tags(Resources=[identifier], Tags=self.tags(inputs))


@dataclass(frozen=True)
class Kind:
    """How a type of resource is made, changed and removed. Without ``update``, every change replaces."""

    create: Callable[[Account, Values], tuple[str, Values]]
    delete: Callable[[Account, str, Values], object]
    exists: Callable[[Account, str], bool] = lambda _account, _id: True
    update: Callable[[Account, str, Values, Values], object] | None = None
    replaces: frozenset[str] = frozenset()
    read: Callable[[Account, str], Values | None] = lambda _account, _id: None
    """What is there as inputs, which an import asks for."""
    named_by: str = ""
    """The input that gets a generated name where the program gives none."""
