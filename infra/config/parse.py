"""Parsing the values that Pulumi stores into settings; all mistakes are reported at once, by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from infra.config import checks, stackfile, value, written
from infra.config import entries as apps
from infra.config.incomplete import incomplete
from infra.config.key import NAMESPACE
from infra.config.schema import MAPS, Schema, Section
from infra.config.settings import Settings
from infra.config.written import Written
from infra.protocol.refusal import shown


class SettingsError(Exception):
    """One or more mistakes in a stack's config; ``problems`` holds a line for each."""

    def __init__(self, problems: list[str]) -> None:
        count = "1 mistake" if len(problems) == 1 else f"{len(problems)} mistakes"
        super().__init__("\n".join([f"{count} in the config of this stack:", *(f"  - {line}" for line in problems)]))
        self.problems = problems


def parse(
    raw: Mapping[str, str],
    kinds: Mapping[str, Section],
    secret_keys: frozenset[str] = frozenset(),
    stack_file: str = "",
    keys: type[Settings] = Settings,
    *,
    unfinished: bool = False,
) -> Settings:
    """Parse config values as Pulumi stores them.

    Args:
        raw: The values by key without the namespace, structured ones as JSON.
        kinds: The known kinds of machine, by name.
        secret_keys: The keys whose values are encrypted.
        stack_file: The text of ``Pulumi.<stack>.yaml``.
        keys: The class that declares the keys of every stack.
        unfinished: Whether a kind's ``later`` checks are left out.

    Raises:
        SettingsError: With every mistake found. It never shows the value of a secret key.
    """
    schema = Schema(kinds, keys)
    in_file = stackfile.config(stack_file, NAMESPACE) if stack_file else {}
    written_keys, not_maps = written.read(raw, schema.maps, secret_keys, _in_clear(schema, in_file))
    by_name = {key.name: key for key in reversed(written_keys)}
    machine = by_name["machine"].text if "machine" in by_name else schema.keys["machine"].default
    problems = [
        *_unknown(schema, by_name, machine),
        *_not_maps(schema, not_maps, secret_keys),
        *_twice(schema, written_keys),
    ]
    values: dict[str, Any] = {}
    for name, key in schema.keys.items():
        kind = schema.kind_of(name)
        if kind in ("", machine) or (name in by_name and machine not in kinds):
            problems += value.read(name, key, by_name.get(name), values)
        elif name in by_name:
            problems.append(
                f"{NAMESPACE}:{name} is set, but only machine {kind} reads it, and this stack has machine {machine}; "
                f"remove it: {by_name[name].removal}"
            )
    if stack_file:
        problems += _stack_file_mistakes(schema, raw, secret_keys, in_file)
    of_kind = _of_kind(kinds.get(machine), unfinished)
    if entries := values.get("apps"):
        values["of_apps"], more = apps.read(schema, entries, values, by_name)
        settings = _settings(schema, values, machine)
        problems += [*checks.mistakes([*checks.OF_STACK, *of_kind], settings), *more]
    else:
        settings = _settings(schema, values, machine)
        problems += checks.mistakes([*checks.CHECKS, *of_kind], settings)
    if problems:
        raise SettingsError(problems)
    return settings


def _of_kind(kind: Section | None, unfinished: bool) -> Iterator[checks.Check]:
    """The checks of a kind of machine."""
    if kind:
        yield from (check for check in kind.every_check if not unfinished or check not in kind.later)


def _in_clear(schema: Schema, config: stackfile.Nodes) -> set[str]:
    """The items of maps that stand in the file in clear, and may: messages can show what is wrong with them."""
    return stackfile.in_clear(config, schema.maps) - {*schema.secret()}


def _unknown(schema: Schema, by_name: Mapping[str, Written], machine: str) -> Iterator[str]:
    """Keys that are set but do not exist."""
    for name in sorted(set(by_name) - set(schema.keys)):
        yield f"{NAMESPACE}:{name} is not a key of this program; {schema.hint(name, machine)}"


def _not_maps(schema: Schema, not_maps: Mapping[str, str], secret_keys: frozenset[str]) -> Iterator[str]:
    """Plain values in place of the map that holds the keys of a kind of machine."""
    for kind, text in not_maps.items():
        example = next(name for name in [*schema.keys, f"{kind}.key"] if name.startswith(f"{kind}."))
        value = shown(text, hidden=kind in secret_keys)
        yield f"{NAMESPACE}:{kind} is {value}; it must be a map of keys, such as {NAMESPACE}:{example}"


def _twice(schema: Schema, written_keys: list[Written]) -> Iterator[str]:
    """Keys that are set both on their own and in a map."""
    for alone, in_map in written.twice(written_keys):
        hidden = alone.secret or in_map.secret or (alone.name in schema.keys and schema.keys[alone.name].secret)
        value_alone, value_in_map = (shown(key.text, hidden=hidden) for key in (alone, in_map))
        yield (
            f"{NAMESPACE}:{alone.name} is set twice: to {value_alone} as a key of its own, and to {value_in_map} in "
            f"the map {NAMESPACE}:{alone.name.partition('.')[0]}; keep one of them: {alone.removal} or {in_map.removal}"
        )


def _stack_file_mistakes(
    schema: Schema, raw: Mapping[str, str], secret_keys: frozenset[str], config: stackfile.Nodes
) -> Iterator[str]:
    """Mistakes visible only in the stack's file: unencrypted secrets in a map, texts for lists, what YAML changes."""
    for path in stackfile.unencrypted(config, schema.secret()):
        parent, _, name = path.rpartition(".")
        yield (
            f"{NAMESPACE}:{parent} holds {name} unencrypted, and so does Pulumi.<stack>.yaml; treat it as leaked: "
            f"change it, and set the new value with: pulumi config set --secret --path {NAMESPACE}:{path}"
        )
    lists = [name for name, key in schema.keys.items() if key.default.startswith("[")]
    for name in stackfile.written_as_text(config, lists):
        yield f"{NAMESPACE}:{name} {stackfile.NO_LIST.format(key=f'{NAMESPACE}:{name}')}"
    # Of the apps only what stands there in plain text is compared.
    hidden = {*schema.secret(), *secret_keys} - {"apps"}
    open_keys = {key: text for key, text in raw.items() if key not in hidden}
    for path, plain, changed in stackfile.changed_by_yaml(config, open_keys, schema.maps):
        yield (
            f"{NAMESPACE}:{path} is written as {plain} without quotes, and YAML reads that as {changed}; "
            "put it in quotes"
        )


def _settings(schema: Schema, values: Mapping[str, Any], machine: str) -> Settings:
    """The settings; reading a key whose value is invalid raises ``Unread``."""
    common = {name: value for name, value in values.items() if name.partition(".")[0] not in schema.maps}
    common.setdefault("of_apps", ())
    for name, keys in MAPS.items():
        common[name] = incomplete(keys, _of_map(values, name))
    if machine not in schema.kinds:
        return incomplete(schema.settings, common)
    of_machine = incomplete(schema.kinds[machine].keys, _of_map(values, machine))
    return incomplete(schema.settings, {**common, "of_machine": of_machine})


def _of_map(values: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The values of the keys in a map, by their names there."""
    prefix = f"{name}."
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}
