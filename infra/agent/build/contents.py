"""Has what a commit refers to without containing it: its submodules and its files of Git LFS.

All of it becomes objects of the bare clone. The workstation pushes them with a commit of a local repository; of a
remote repository this machine fetches them. Whoever can commit chooses paths, URLs, names and sizes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from infra.agent.build import contents_refs, repository
from infra.agent.build.checkout import Placed
from infra.agent.system import say
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.common import missing, referenced, submodule_url
from infra.common.missing import Missing
from infra.common.printable import one_line
from infra.common.referenced import LfsFile, Referenced, Submodule
from infra.protocol import paths, timeouts
from infra.protocol.specs import DeploySpec, Source

REMEDIES = {
    "lfs": "Mend that, commit the files themselves (git lfs migrate export), or deploy without them",
    "submodules": "Mend that, commit their files (git subtree add), or deploy without them",
}
"""What to do about each kind of missing contents, by its name in ``allow_missing``."""
NOT_PUSHED = "the workstation did not push it"


@dataclass(frozen=True)
class Place:
    """A repository that is looked at: the deployed one, or a submodule.

    Attributes:
        revision: Its commit, or the tree of that.
        url: Where it came from, with credentials; empty if it was pushed.
        prefix: Where it lies in the deployed commit; empty, or with a slash at the end.
        directory: Only what lies below this directory of it counts.
        depth: In how many submodules it lies.
    """

    revision: str
    url: str = field(repr=False)
    prefix: str = ""
    directory: str = ""
    depth: int = 0


def gather(app: App, spec: DeploySpec, revision: str) -> Placed:
    """Have everything that a commit refers to below the app's directory.

    Args:
        app: The app.
        spec: Where the commit came from, and what may be missing.
        revision: The commit.

    Returns:
        What belongs in which place.

    Raises:
        Failure: Something is missing that may not be: all of it, why, and what to do.
        NoSpace: There is no space for it.
    """
    gathering = Gathering(app, spec, revision)
    gathering.gather()
    gathering.refuse()
    if gathering.objects:
        contents_refs.keep(app, revision, gathering.objects)
    return Placed(gathering.submodules, gathering.files)


def find(app: App, revision: str, directory: str, prefix: str = "") -> Referenced:
    """The pointers and submodules of a commit below a directory."""
    return referenced.find(_git(app), revision, directory, prefix)


class Gathering:
    """What was found so far of what a commit refers to, and what was not, with the reasons."""

    def __init__(self, app: App, spec: DeploySpec, revision: str) -> None:
        """Begin with what is here already."""
        self.app, self.spec, self.revision = app, spec, revision
        self.until = time.monotonic() + timeouts.CONTENTS
        self.checked = contents_refs.known(app)
        self.pushed = contents_refs.known(app, paths.pushed_contents(revision))
        self.submodules: dict[str, str] = {}
        self.files: dict[str, tuple[str, str]] = {}
        self.objects: dict[str, str] = {}
        self.without: dict[str, dict[str, str]] = {"lfs": {}, "submodules": {}}

    def gather(self) -> None:
        """Go through the commit, then through each submodule that is found."""
        source = self.spec.source
        places = [Place(self.revision, source.url if source.kind == "url" else "", directory=self.spec.directory)]
        while places:
            place = places.pop(0)
            found = find(self.app, place.revision, place.directory, place.prefix)
            self._have_files(place, found.lfs)
            places += self._have_submodules(place, found.submodules)

    def refuse(self) -> None:
        """Refuse what is missing, unless it may be; then it is a warning.

        Raises:
            Failure: What is missing, why, and what to do.
        """
        allowed = self.spec.allow_missing
        lacking = Missing(tuple(self.without["lfs"]), tuple(self.without["submodules"]))
        mistakes: list[str] = []
        for kind, words in lacking.kinds().items():
            if kind in allowed:
                say.step("fetch", f"warning: the commit {words}; allow_missing allows it")
                continue
            reasons = list(self.without[kind].items())
            lines = [f"  {one_line(path)}: {reason}" for path, reason in reasons[: missing.SHOWN]]
            remedy = f"{REMEDIES[kind]}: {missing.allow(kind, len(allowed) + len(mistakes))}"
            mistakes.append("\n".join([f"The commit {self.revision[:12]} {words}.", *lines, remedy]))
        if mistakes:
            raise Failure("\n".join(mistakes))

    def _have_submodules(self, place: Place, submodules: tuple[Submodule, ...]) -> Iterator[Place]:
        """Have the trees of submodules; each that is here is a place to look at in its turn."""
        if "submodules" in self.spec.allow_missing:
            self.without["submodules"] |= {each.path: "" for each in submodules}
            return
        urls = referenced.urls(_git(self.app), place.revision) if place.url and submodules else {}
        for submodule in submodules:
            url = ""
            try:
                tree = self.checked.get(submodule.commit) or self.pushed.get(submodule.commit)
                if place.url:
                    _, written = urls.get(submodule.path.removeprefix(place.prefix), ("", ""))
                    url = _url(place, written)
                if not tree:
                    tree = self._fetched(place, submodule, url)
            except (submodule_url.UrlError, Failure) as error:
                self.without["submodules"][submodule.path] = one_line(str(error).rstrip().rsplit("\n", 1)[-1])
                continue
            self.submodules[submodule.path] = self.objects[submodule.commit] = tree
            yield Place(tree, url, f"{submodule.path}/", depth=place.depth + 1)

    def _fetched(self, place: Place, submodule: Submodule, url: str) -> str:
        """The tree of a submodule, fetched now.

        Raises:
            Failure: It cannot be fetched.
        """
        if not place.url:
            raise Failure(NOT_PUSHED)
        if place.depth >= referenced.DEEPEST or len(self.submodules) >= referenced.MOST:
            raise Failure("there are too many submodules, or one in the other")
        if time.monotonic() > self.until:
            raise Failure("the submodules before it took too long")
        say.step("fetch", f"submodule {one_line(submodule.path)}")
        scheme = submodule_url.parse(url).scheme
        source = Source("url", url, self.spec.source.deploy_key, self.spec.source.known_hosts)
        repository.fetch(self.app, source, submodule.commit, "", "ssh" if scheme == "scp" else scheme)
        return repository.git(self.app, "rev-parse", f"{submodule.commit}^{{tree}}").out.strip()

    def _have_files(self, place: Place, files: tuple[LfsFile, ...]) -> None:
        """Have the contents of files of Git LFS."""
        if not files:
            return
        # Late: the client of Git LFS's servers takes time to import, and few apps have such files.
        from infra.agent.build import lfs_objects  # noqa: PLC0415

        if "lfs" in self.spec.allow_missing:
            self.without["lfs"] |= {file.path: "" for file in files}
            return
        odd = [file for file in files if not file.oid]
        self.without["lfs"] |= {file.path: "its pointer is not of the usual form" for file in odd}
        wanted = {file.oid: file for file in files if file.oid}
        blobs = {oid: self.checked[oid] for oid in wanted if oid in self.checked}
        told = {oid: self.pushed[oid] for oid in wanted if oid in self.pushed and oid not in blobs}
        blobs |= lfs_objects.right(self.app, told, wanted)
        lacking = [file for oid, file in wanted.items() if oid not in blobs]
        reasons: Mapping[str, str] = {file.oid: NOT_PUSHED for file in lacking}
        if place.url and lacking:
            source = Source("url", place.url, self.spec.source.deploy_key, self.spec.source.known_hosts)
            fetched, reasons = lfs_objects.fetch(self.app, source, _lfs_url(self.app, place), lacking, self.until)
            blobs |= fetched
        self.objects |= blobs
        self.checked |= blobs
        for file in files:
            if file.oid in blobs:
                self.files[file.path] = (file.mode, blobs[file.oid])
            elif file.oid:
                self.without["lfs"][file.path] = reasons[file.oid]


def _url(place: Place, written: str) -> str:
    """Where a submodule of a place is fetched from.

    Raises:
        UrlError: It is not followed.
    """
    if not written:
        raise submodule_url.UrlError(".gitmodules has no URL for it")
    return submodule_url.follow(place.url, written)


def _lfs_url(app: App, place: Place) -> str:
    """What a commit's ``.lfsconfig`` says of the server of Git LFS; empty if it says nothing."""
    git = _git(app)
    size = git("cat-file", "-s", f"{place.revision}:.lfsconfig").strip()
    if not size.isdigit() or int(size) > 100_000:
        return ""
    said = git("config", "--blob", f"{place.revision}:.lfsconfig", "--get", "lfs.url")
    return said.decode("utf-8", "replace").strip()


def _git(app: App) -> referenced.Git:
    """Runs git on the clone, for ``referenced``."""

    def git(*arguments: str, feed: bytes = b"") -> bytes:
        # Latin-1 has a character for each byte, so that none is lost on the way.
        answer = repository.git(app, *arguments, feed=feed.decode("latin-1"), encoding="latin-1")
        if not answer.ok and arguments[0] == "ls-tree":
            raise Failure(f"Cannot list the files of the commit:\n{answer.last_lines()}")
        return answer.out.encode("latin-1")

    return git
