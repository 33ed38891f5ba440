"""The keys about the app's files: what the proxy serves, and what outlives a release."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from infra.config import app_settings, readers
from infra.config.key import Keys, key
from infra.protocol.app_settings import StaticFiles


@dataclass(frozen=True, kw_only=True)
class FileKeys(Keys):
    """Static files, and the paths that an app writes to. The files of a release are read-only to the app."""

    title: ClassVar[str] = "Files"

    static: dict[str, StaticFiles] = key(
        app_settings.static,
        default="{}",
        description="""Folders that the proxy serves by itself, by the beginning of their URLs. A folder is relative to
            the app's directory or begins with $DATA_DIR; false leaves the URLs to the app.""",
        example='{"/static/": "staticfiles", "/media/": "$DATA_DIR/media"}',
        also=("static_files", "statics", "media"),
    )
    persist: tuple[str, ...] = key(
        readers.persist,
        default="[]",
        description="""Files and folders, relative to the app's directory, that outlive a release: they are kept in
            $DATA_DIR, and each release has links to them. An entry with - in front leaves out what Launchpad
            would choose by itself.""",
        example='["instance", "db.sqlite3"]',
        also=("data", "linked_dirs", "volumes", "shared"),
    )
