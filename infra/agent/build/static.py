"""Puts together the static files of a release, in its build: collected, copied, compressed."""

from __future__ import annotations

import errno
import os
import pwd
from pathlib import Path

from infra.agent.build import collect, public_files
from infra.agent.build.collect import Collected, Work
from infra.agent.process import tasks
from infra.agent.system import files, owned, paths, say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import COMPRESSOR, App
from infra.app_model.build_plan import BuildPlan
from infra.app_model.static_words import COLLECTED, DATA, KEY, prefix_of
from infra.protocol.app_settings import StaticFiles
from infra.protocol.specs import DeploySpec

REPLACED = (errno.ELOOP, errno.ENOENT, errno.ENOTDIR, errno.ENXIO)
"""What opening a file says that was replaced by something else a moment ago."""


def build(work: Work, plan: BuildPlan) -> str:
    """Collect, copy and compress what the proxy serves by itself of a release.

    Args:
        work: The release.
        plan: What the app is.

    Returns:
        The folder in the release that collectstatic filled, by the app's own words; empty if there is none.

    Raises:
        Failure: collectstatic failed, or a folder of the settings is not there.
        NoSpace: The disk is full.
    """
    if not plan.collect and not plan.static:
        return ""
    app = work.app
    user = pwd.getpwnam(app.user)
    files.directory(app.static, 0o755)
    own = [app.static / name for name in ("collected", "collected.report", "compressed")]
    owned.remove(app, own)
    try:
        for folder in own:
            files.directory(folder, 0o700, (user.pw_uid, user.pw_gid))
        collected = collect.run(work, plan.collect, own[0]) if plan.collect else Collected()
        if plan.static:
            _publish(work, plan.static, collected, own[-1])
        return collected.root if Path(collected.root).is_relative_to(work.top) else ""
    except OSError as error:
        if error.errno not in REPLACED:
            raise
        raise Failure(f"{KEY}: the files were changed while they were copied: {error}") from error
    finally:
        owned.remove(app, own)
        public_files.abandon(app)


def _publish(work: Work, static: tuple[StaticFiles, ...], collected: Collected, compressed: Path) -> None:
    app, spec, tree, top = work.app, work.spec, work.tree, work.top
    stage = public_files.begin(app)
    given = {item.prefix for item in spec.static}
    in_release = [_where(item, collected, given) for item in static if not item.folder.startswith(DATA)]
    # The longest first: what /static/docs/ is goes before a folder docs of what /static/ is.
    for item in sorted(filter(None, in_release), key=lambda item: -len(item.prefix)):
        handle = _open(app, item, tree.root, top)
        if handle is not None:
            try:
                stage.add(item.prefix, handle)
            finally:
                os.close(handle)
    stage.add_data(tuple(item for item in static if item.folder.startswith(DATA)))
    if stage.count:
        _compress(app, spec, stage, compressed)
    public_files.finish(app, tree.release, stage)


def _where(item: StaticFiles, collected: Collected, given: set[str]) -> StaticFiles | None:
    """A folder with the URL and path that Django really uses; None if its files are elsewhere, or left to the app."""
    if item.folder != COLLECTED:
        return item
    prefix = prefix_of(collected.url)
    return StaticFiles(prefix, collected.root) if prefix and collected.root and prefix not in given else None


def _open(app: App, item: StaticFiles, root: Path, top: Path) -> int | None:
    """A folder's handle.

    Raises:
        Failure: The settings name it, and it is not there.
    """
    if Path(item.folder).is_absolute():
        for above in (app.static / "collected", top):
            # Not the app's whole directory, which has more in it than is public.
            if Path(item.folder).is_relative_to(above) and not root.is_relative_to(os.path.normpath(item.folder)):
                inside = str(Path(item.folder).relative_to(above))
                return paths.open_beneath(above, ".", inside, directory=True)
        say.step("warning", f"collectstatic has written to {item.folder}, which is not served")
        return None
    handle = paths.open_beneath(top, str(root.relative_to(top)), item.folder, directory=True)
    if handle is None:
        raise Failure(f"{KEY}: {item.prefix}: the release has no folder {item.folder}")
    return handle


def _compress(app: App, spec: DeploySpec, stage: public_files.Stage, compressed: Path) -> None:
    argv = ["/usr/bin/python3", "-IS", str(COMPRESSOR), str(stage.path), str(compressed)]
    env = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    limit, key = spec.build_timeout, "launchpad:build_timeout"
    tasks.run(app, tasks.Task("Compressing the static files", argv, compressed, env, (compressed,), limit, key))
    handle = paths.open_directory(compressed)
    try:
        stage.add_compressed(handle)
    finally:
        os.close(handle)
