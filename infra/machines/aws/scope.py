"""What all resources of a machine share: name prefix, parent, provider and name tag."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import Provider, ProviderDefaultTagsArgs


def provider(name: str, region: str, tags: Mapping[str, str], parent: pulumi.Resource) -> Provider:
    """Create an AWS provider for a region, which tags every resource that it creates."""
    return Provider(
        f"{name}-aws",
        region=region,
        default_tags=ProviderDefaultTagsArgs(tags=tags),
        opts=pulumi.ResourceOptions(parent=parent),
    )


@dataclass(frozen=True)
class Scope:
    """Creates names, options and name tags for the resources of a component."""

    prefix: str
    parent: pulumi.Resource
    provider: pulumi.ProviderResource

    def name(self, suffix: str) -> str:
        """The name of a resource in the program and in the state."""
        return f"{self.prefix}-{suffix}"

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        """The options of an AWS resource."""
        return pulumi.ResourceOptions(parent=self.parent, provider=self.provider, **more)

    def lookup(self) -> pulumi.InvokeOutputOptions:
        """The options of a lookup in AWS."""
        return pulumi.InvokeOutputOptions(parent=self.parent, provider=self.provider)

    def name_tag(self, part: str = "") -> dict[str, str]:
        """The ``Name`` tag, which the AWS console shows."""
        return {"Name": " ".join(word for word in (pulumi.get_project(), pulumi.get_stack(), part) if word)}
