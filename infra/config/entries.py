"""The apps of a stack that has several: each entry of the map ``apps`` read by the declarations of an app's keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from infra.config import checks, value
from infra.config.incomplete import Unread, incomplete
from infra.config.key import NAMESPACE, declared
from infra.config.schema import Schema
from infra.config.settings import AppSettings, Settings
from infra.config.written import Written
from infra.protocol import values as rules
from infra.protocol.refusal import Refusal

NAMED = re.compile(rf"(pulumi config (?:rm|set) )?{NAMESPACE}:([a-z_]+)(?![\w.:])")
"""A key of the stack in a message, or in a command about it."""
PORT_TO_SET = 8001
"""The first port that is advised for an app without a domain."""

Entry = Mapping[str, str]
"""The keys that one app sets, as texts."""


def read(
    schema: Schema, entries: Mapping[str, Entry], common: Mapping[str, Any], written: Mapping[str, Written]
) -> tuple[tuple[AppSettings, ...], list[str]]:
    """Read the apps.

    Args:
        schema: The keys that there are.
        entries: The apps by name.
        common: The typed values of the stack, which each app has where it sets none.
        written: The keys that the stack sets.

    Returns:
        The settings of each app, in the order of their names, and every mistake in them.
    """
    secret = "apps" in written and written["apps"].secret
    upper = {name for name, key in written.items() if name in schema.of_app and key.text != schema.of_app[name].default}
    problems = [*_names(entries), *_app_beside(written, schema)]
    found = []
    for name, entry in entries.items():
        place = _Place(name, entry, upper)
        problems += _strange(schema, place, written)
        own: dict[str, Any] = {}
        for key in entry:
            if key in schema.of_app:
                held = Written(f"apps.{name}.{key}", entry[key], secret, in_map=True)
                problems += value.read(key, schema.of_app[key], held, own)
        inherited = {key: common[key] for key in schema.of_app if key in common and key not in entry}
        settings = incomplete(AppSettings, {**inherited, **own, "app": name})
        problems += [place.put(line) for line in checks.mistakes(checks.OF_APP, settings)]
        found.append(settings)
    return tuple(found), list(dict.fromkeys([*problems, *apart(found)]))


class _Place:
    """Where the keys of one app stand: in its entry, or where the stack sets them for all."""

    def __init__(self, app: str, entry: Entry, upper: Collection[str]) -> None:
        self.app, self.entry, self.upper = app, entry, upper

    def put(self, line: str) -> str:
        """A message with the app's own keys by their path."""
        return NAMED.sub(self._name, line)

    def _name(self, found: re.Match[str]) -> str:
        command, key = found.groups(default="")
        if key not in self.entry and key in self.upper:
            return found[0]
        return f"{command}{'--path ' if command else ''}{NAMESPACE}:apps.{self.app}.{key}"


def placed(settings: Settings, app: str, line: str) -> str:
    """A message about an app with those keys by their path that the app itself sets."""
    if app not in settings.apps:
        return line
    unset = AppSettings()
    upper = [name for name in declared(AppSettings) if getattr(settings, name) != getattr(unset, name)]
    return _Place(app, settings.apps[app], upper).put(line)


def _names(entries: Mapping[str, Entry]) -> Iterator[str]:
    for name in entries:
        try:
            rules.app_name(name)
        except Refusal as allowed:
            yield f"{NAMESPACE}:apps.{name} is not the name of an app; it must be {allowed}"


def _app_beside(written: Mapping[str, Written], schema: Schema) -> Iterator[str]:
    """The name of one app beside a map with the names of several."""
    if "app" in written and written["app"].text != schema.keys["app"].default:
        yield (
            f"{NAMESPACE}:app is set beside {NAMESPACE}:apps, which names each app itself; keep one of them: "
            f"{written['app'].removal} or pulumi config rm {NAMESPACE}:apps"
        )


def _strange(schema: Schema, place: _Place, written: Mapping[str, Written]) -> Iterator[str]:
    """Keys in an entry that an app cannot set."""
    machine = written["machine"].text if "machine" in written else schema.keys["machine"].default
    for key in sorted(set(place.entry) - set(schema.of_app)):
        full = f"{NAMESPACE}:apps.{place.app}.{key}"
        if key in schema.keys and key not in ("app", "apps"):
            yield f"{full} is a key of the machine, which all apps share; set {NAMESPACE}:{key} instead"
        elif key.partition(".")[0] in schema.maps:
            yield f"{full} is about the machine, which all apps share; set {NAMESPACE}:{key} instead"
        elif key in ("app", "apps"):
            yield f"{full} is no key of an app, whose name is {place.app}, as the map says; remove it"
        else:
            yield f"{full} is not a key of this program; {place.put(schema.hint(key, machine))}"


def apart(apps: Sequence[AppSettings]) -> Iterator[str]:
    """No two apps have the same host name, or the same http_port without a domain; those with domains share one."""
    taken: dict[str, str] = {}
    used = {app.http_port for app in apps if _known(app)}
    shared: AppSettings | None = None
    for app in apps:
        if not _known(app):
            continue
        for host in app.domains:
            if host in taken:
                yield (
                    f"{taken[host]} and {app.app} both have the host name {host}; each app needs its own: "
                    f"pulumi config set --path {NAMESPACE}:apps.{app.app}.domain HOST"
                )
            taken.setdefault(host, app.app)
        if app.domain:
            shared = shared or app
            if app.http_port != shared.http_port:
                yield (
                    f"{shared.app} has http_port {shared.http_port} and {app.app} has {app.http_port}; apps with a "
                    "domain share one, which redirects to HTTPS: "
                    f"pulumi config set --path {NAMESPACE}:apps.{app.app}.http_port {shared.http_port}"
                )
            continue
        port = str(app.http_port)
        if port in taken:
            free = next(number for number in range(PORT_TO_SET, 65536) if number not in used)
            used.add(free)
            yield (
                f"{taken[port]} and {app.app} both have http_port {port} and no domain; each app needs a port or a "
                f"domain of its own: pulumi config set --path {NAMESPACE}:apps.{app.app}.http_port {free}"
            )
        taken.setdefault(port, app.app)


def _known(app: AppSettings) -> bool:
    """Whether an app's public place is known; a mistake in it is told already."""
    try:
        return bool(app.http_port and app.domain is not None)
    except Unread:
        return False
