"""The tags by which AWS resources are recognised as a stack's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def owner_tags(project: str, stack: str) -> dict[str, str]:
    """The tags that identify a stack's resources; a preflight recognises the stack's own machine by them."""
    return {"ManagedBy": "pulumi", "Project": project, "Stack": stack}


def is_ours(tags: Iterable[Mapping[str, str]], owner: Mapping[str, str]) -> bool:
    """Whether a resource has the stack's tags.

    Args:
        tags: Its tags as AWS returns them: Lightsail spells ``key`` and ``value`` what is ``Key`` and ``Value`` on EC2.
        owner: The stack's own.
    """
    found = {tag.get("Key", tag.get("key")): tag.get("Value", tag.get("value")) for tag in tags}
    return owner.items() <= found.items()
