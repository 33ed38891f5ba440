"""Decides which files of an app the proxy serves by itself, and whether Django has to collect them first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from infra.app_model import django_settings
from infra.app_model.build_plan import Decision
from infra.app_model.django_settings import Serving
from infra.app_model.files import AppError, normal
from infra.app_model.module_values import in_app
from infra.app_model.sources import Sources
from infra.app_model.static_words import COLLECTED, DATA, DISABLED, KEY, prefix_of
from infra.protocol.app_settings import StaticFiles
from infra.protocol.specs import DeploySpec

STATICFILES = ("django.contrib.staticfiles", "django.contrib.staticfiles.apps.StaticFilesConfig")
USUAL_URL = "/static/"
DEEPEST = 3
"""Folders in the URL of a folder below $DATA_DIR, which the proxy looks up one by one."""

PUBLISHES_MEDIA = re.compile(r"\bstatic\(\s*(?:\w+\.)*MEDIA_URL\b")
"""How a Django app itself says that its uploads are public (it takes effect only with DEBUG)."""


@dataclass(frozen=True)
class Plan:
    """What is decided about the files.

    Attributes:
        collect: The command that collects static files; empty if there is none.
        static: The folders that the proxy serves.
        decisions: What the preview shows.
        notes: What a person should know.
    """

    collect: str = ""
    static: tuple[StaticFiles, ...] = ()
    decisions: tuple[Decision, ...] = ()
    notes: tuple[str, ...] = ()


def plan(sources: Sources, spec: DeploySpec, persist: Sequence[str] = (), release: str = "") -> Plan:
    """Decide about an app's static files and uploads.

    Args:
        sources: The app's files.
        spec: The settings, which always win.
        persist: The paths that outlive a release, so that links in it lead to the data directory.
        release: The command of the ``release:`` process; empty if there is none.

    Raises:
        AppError: A folder of the settings cannot be served.
    """
    found = _found(sources, spec, persist, release)
    own = tuple(StaticFiles(item.prefix, _folder(item, persist)) for item in spec.static)
    given = {item.prefix for item in own}
    kept = [item for item in found.static if item.prefix not in given]
    decided = [each for each in found.decisions if each.value.split()[0] not in given]
    for item in own:
        value = f"{item.prefix} from {item.folder}" if item.folder else f"{item.prefix} by the app"
        decided.append(Decision("static files", value, "the settings say so", KEY))
    static = tuple(sorted([*kept, *(item for item in own if item.folder)], key=lambda item: item.prefix))
    return Plan(found.collect, static, tuple(decided), found.notes)


def _folder(item: StaticFiles, persist: Sequence[str]) -> str:
    """The folder of the settings in its one form.

    Raises:
        AppError: It is outside the app's directory and $DATA_DIR.
    """
    folder = item.folder.replace("${DATA_DIR}", DATA)
    if not folder:
        return ""
    inside = folder.removeprefix(DATA) if folder == DATA or folder.startswith(f"{DATA}/") else ""
    path = normal(inside.lstrip("/") if inside or folder == DATA else folder)
    where = f"{KEY}: {item.prefix}: {item.folder}"
    if path.startswith(("/", "..")) or "$" in path:
        raise AppError(f"{where} is neither in the app's directory nor in {DATA}; move the files there")
    if path == ".":
        raise AppError(f"{where} is all of a directory; give the folder in it whose files are public")
    in_data = bool(inside) or any(path == kept or path.startswith(f"{kept}/") for kept in map(normal, persist))
    if in_data and len(PurePosixPath(item.prefix).parts) - 1 > DEEPEST:
        raise AppError(f"{where}: the URL of a folder in {DATA} has at most {DEEPEST} parts")
    return f"{DATA}/{path}" if in_data else path


def _found(sources: Sources, spec: DeploySpec, persist: Sequence[str], release: str) -> Plan:
    """What the app's files suggest."""
    found = django_settings.find(sources, spec)
    if found is None:
        return Plan()
    media, notes = _media(sources, found, persist)
    decisions = [Decision("static files", f"{item.prefix} from {item.folder}", why, KEY) for item, why in media]
    static = [item for item, _ in media]
    if not found.values.literals & {*STATICFILES}:
        return Plan("", tuple(static), tuple(decisions), notes)
    if dict((*spec.env, *spec.secrets)).get(DISABLED):
        left = Decision("collectstatic", "not run", f"{DISABLED} is set", "launchpad:env")
        return Plan("", tuple(static), (left, *decisions), notes)
    given = f"DJANGO_SETTINGS_MODULE={found.settings} " if found.named else ""
    collect = f"{given}python {found.project.manage} collectstatic --noinput"
    reason = f"{found.settings} has {STATICFILES[0]}"
    if "STATIC_ROOT" not in found.values:
        reason += " and no STATIC_ROOT, so they go to a folder of Launchpad's"
    decisions.insert(0, Decision("collectstatic", collect, reason, f"launchpad:env.{DISABLED}"))
    prefix = prefix_of(found.values.get("STATIC_URL")) if "STATIC_URL" in found.values else USUAL_URL
    if prefix and not found.whitenoise:
        static.insert(0, StaticFiles(prefix, COLLECTED))
        decisions.insert(1, Decision("static files", f"{prefix} by the proxy", "what collectstatic collects", KEY))
    elif prefix:
        decisions.insert(1, Decision("static files", f"{prefix} by the app", "it has WhiteNoise", KEY))
    else:
        why = "STATIC_URL names another host, or its text does not say what it is"
        decisions.insert(1, Decision("static files", "not by the proxy", why, KEY))
    if "collectstatic" in release:
        notes = (*notes, "release: runs collectstatic, which the build has done by then; it can go there")
    return Plan(collect, tuple(static), tuple(decisions), notes)


def _media(
    sources: Sources, found: Serving, persist: Sequence[str]
) -> tuple[list[tuple[StaticFiles, str]], tuple[str, ...]]:
    """The folder of uploads, if the app says that they are public and they outlive a release; and what to know."""
    prefix, root = prefix_of(found.values.get("MEDIA_URL")), found.values.get("MEDIA_ROOT")
    if not prefix or root is None:
        return [], ()
    text, path = str(root), in_app(root)
    if text.startswith(f"{DATA}/"):
        folder = text
    elif path and any(path == kept or path.startswith(f"{kept}/") for kept in map(normal, persist)):
        folder = f"{DATA}/{path}"
    else:
        return [], ()
    if not _publishes_media(sources, found):
        setting = f'{{"{prefix}": "{folder}"}}'
        return [], (f"uploads in MEDIA_ROOT are not served; if they are public, set {KEY} to {setting}",)
    return [(StaticFiles(prefix, folder), "MEDIA_ROOT, which the app publishes at MEDIA_URL")], ()


def _publishes_media(sources: Sources, found: Serving) -> bool:
    """Whether the app's own URLs lead to its uploads."""
    name = found.values.get("ROOT_URLCONF")
    urls = sources.find(name if isinstance(name, str) else "", (found.project.folder,))
    return urls is not None and PUBLISHES_MEDIA.search(urls.text) is not None
