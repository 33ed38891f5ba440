"""What all resources of one machine have in common: name prefix, parent, provider and name tag."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi


@dataclass(frozen=True)
class Scope:
    """Makes names, options and name tags for the resources below a component."""

    prefix: str
    parent: pulumi.Resource
    provider: pulumi.ProviderResource

    def name(self, suffix: str) -> str:
        """A resource's name in the program and in the state."""
        return f"{self.prefix}-{suffix}"

    def options(self, **more: Any) -> pulumi.ResourceOptions:
        """Options of a resource on AWS."""
        return pulumi.ResourceOptions(parent=self.parent, provider=self.provider, **more)

    def lookup(self) -> pulumi.InvokeOutputOptions:
        """Options of a question to AWS."""
        return pulumi.InvokeOutputOptions(parent=self.parent, provider=self.provider)

    def called(self, part: str = "") -> dict[str, str]:
        """The name tag: what AWS's console shows."""
        return {"Name": " ".join(word for word in (pulumi.get_project(), pulumi.get_stack(), part) if word)}
