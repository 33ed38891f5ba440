"""What a commit refers to (submodules, files of Git LFS) is fetched, checked and written in its place, or refused by name."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.agent.build import checkout, contents, contents_refs, repository
from infra.agent.build.checkout import Placed
from infra.agent.system import space
from infra.agent.system.failure import Failure
from infra.agent.system.layout import App
from infra.protocol.specs import DeploySpec, Source
from tests import gitserver
from tests.unit.agent.test_repository import Here, git

pytestmark = [pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="the agent runs as root")]
LOGO = os.urandom(300_000)


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setattr(Here, "folder", tmp_path / "home", raising=False)
    return Here(f"t{os.getpid()}")


def pointer(content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(content)}\n"


@dataclass
class Origin:
    """A server's folder with bare repositories and files of Git LFS, and the work trees that they came from."""

    served: Path
    work: Path

    def repo(self, name: str, files: dict[str, str], submodules: dict[str, tuple[str, str]] | None = None) -> str:
        """Commit files, and submodules by path (the URL and the commit); returns the commit."""
        tree = self.work / name
        tree.mkdir(parents=True, exist_ok=True)
        git(tree, "init", "-q", "-b", "main")
        sections = [
            f'[submodule "{path}"]\n\tpath = {path}\n\turl = {url}\n' for path, (url, _) in (submodules or {}).items()
        ]
        for path, text in {**files, **({".gitmodules": "".join(sections)} if sections else {})}.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        git(tree, "add", ".")
        for path, (_, commit) in (submodules or {}).items():
            git(tree, "update-index", "--add", "--cacheinfo", f"160000,{commit},{path}")
        git(tree, "commit", "-q", "-m", name)
        if not (self.served / f"{name}.git").exists():
            git(self.served, "init", "-q", "--bare", "-b", "main", str(self.served / f"{name}.git"))
            git(self.served / f"{name}.git", "config", "uploadpack.allowAnySHA1InWant", "true")
        git(tree, "push", "-q", "-f", str(self.served / f"{name}.git"), "HEAD:refs/heads/main")
        return git(tree, "rev-parse", "HEAD")

    def lfs(self, content: bytes) -> str:
        """Put a file on the server of Git LFS; returns its pointer."""
        (self.served / "lfs").mkdir(exist_ok=True)
        (self.served / "lfs" / hashlib.sha256(content).hexdigest()).write_bytes(content)
        return pointer(content)


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    (tmp_path / "served").mkdir()
    return Origin(tmp_path / "served", tmp_path / "work")


@pytest.fixture
def server(origin: Origin) -> Iterator[gitserver.Server]:
    with gitserver.serving(str(origin.served), "ci:canary-7/2") as server:
        yield server


def spec(server: gitserver.Server | None, name: str = "shop", **more: Any) -> DeploySpec:
    url = f"http://ci:canary-7%2F2@127.0.0.1:{server.server_port}/{name}.git" if server else ""
    return DeploySpec("shop", Source("url", url) if server else Source("pushed"), **more)


def delivered(app: App, spec: DeploySpec, revision: str, target: Path) -> dict[str, bytes]:
    """The files of a release of the revision."""
    repository.fetch(app, spec.source, revision, "main")
    checkout.checkout(app, revision, target, contents.gather(app, spec, revision))
    return {str(path.relative_to(target)): path.read_bytes() for path in target.rglob("*") if path.is_file()}


def test_submodules_and_lfs_files_are_fetched_with_the_repositorys_credentials(
    app: App, origin: Origin, server: gitserver.Server, tmp_path: Path
) -> None:
    deep = origin.repo("deep", {"deep.txt": "deep\n", "data.bin": origin.lfs(b"deep data")})
    theme = origin.repo("theme", {"page.html": "page\n"}, {"in/deep": ("../deep.git", deep)})
    (origin.work / "theme" / "grüße.html").write_text("umlaut\n")
    theme = origin.repo("theme", {"page.html": "page\n"}, {"in/deep": ("../deep.git", deep)})
    files = {"app.py": "app\n", "logo.bin": origin.lfs(LOGO), "again.bin": pointer(LOGO), "run": pointer(LOGO)}
    (origin.work / "shop").mkdir(parents=True)
    (origin.work / "shop" / "run").touch(mode=0o755)
    shop = origin.repo("shop", files, {"theme": (f"http://127.0.0.1:{server.server_port}/theme.git", theme)})
    found = delivered(app, spec(server), shop, tmp_path / "tree")
    assert {name: content for name, content in found.items() if not name.endswith(".gitmodules")} == {
        "app.py": b"app\n",
        "logo.bin": LOGO,
        "again.bin": LOGO,
        "run": LOGO,
        "theme/page.html": b"page\n",
        "theme/grüße.html": b"umlaut\n",
        "theme/in/deep/deep.txt": b"deep\n",
        "theme/in/deep/data.bin": b"deep data",
    }
    assert (tmp_path / "tree/run").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "tree/logo.bin").stat().st_mode & 0o777 == 0o644
    assert subprocess.run(["grep", "-r", "canary", str(app.home)], check=False).returncode == 1


def test_what_is_here_is_not_fetched_again(app: App, origin: Origin, server: gitserver.Server, tmp_path: Path) -> None:
    theme = origin.repo("theme", {"page.html": "page\n"})
    files = {"app.py": "one\n", "logo.bin": origin.lfs(LOGO)}
    one = origin.repo("shop", files, {"theme": ("../theme.git", theme)})
    delivered(app, spec(server), one, tmp_path / "one")
    two = origin.repo("shop", {**files, "app.py": "two\n"}, {"theme": ("../theme.git", theme)})
    repository.fetch(app, spec(server).source, two, "main")
    repository.keep(app, "r2", two)
    subprocess.run(["git", "--git-dir", str(app.repository), "gc", "--quiet", "--prune=now"], check=True)
    server.asked.clear()
    found = delivered(app, spec(server), two, tmp_path / "two")
    assert (found["logo.bin"], found["theme/page.html"], server.asked) == (LOGO, b"page\n", [])
    contents_refs.forget(app, {two})
    assert repository.refs(app, "refs/launchpad-contents") == [f"refs/launchpad-contents/kept/{two}"]
    contents_refs.forget(app, set())
    assert repository.refs(app, "refs/launchpad-contents") == []


def test_only_what_lies_below_the_apps_directory_is_fetched(
    app: App, origin: Origin, server: gitserver.Server, tmp_path: Path
) -> None:
    theme = origin.repo("theme", {"page.html": "page\n"})
    files = {"site/app.py": "app\n", "site/logo.bin": origin.lfs(LOGO), "other.bin": pointer(b"nowhere")}
    shop = origin.repo("shop", files, {"site/theme": ("../theme.git", theme), "other": ("../gone.git", "1" * 40)})
    found = delivered(app, spec(server, directory="site"), shop, tmp_path / "tree")
    assert found["site/theme/page.html"] == b"page\n"
    assert found["site/logo.bin"] == LOGO
    assert found["other.bin"] == pointer(b"nowhere").encode()
    assert (tmp_path / "tree/other").is_dir()


REFUSALS = {
    "gone.git": "fatal: repository 'http://127.0.0.1:PORT/gone.git/' not found",
    "http://169.254.169.254/x": "its server 169.254.169.254 is not the repository's own, and others are asked by https only",
    "ext::sh -c touch% /tmp/x": "its URL is not valid",
    "file:///etc": "its URL begins with file://, and only https, ssh and relative ones are followed",
    "-oProxyCommand=x:y": "its URL is not valid",
}


def test_what_cannot_be_had_is_refused_by_name_with_the_reason(
    app: App, origin: Origin, server: gitserver.Server
) -> None:
    origin.lfs(LOGO)
    wrong = origin.served / "lfs" / hashlib.sha256(b"right").hexdigest()
    wrong.write_bytes(b"wrong")
    odd = pointer(b"x").replace("size", "ext-0-foo sha256:00\nsize")
    files = {"lost.bin": pointer(b"lost"), "logo.bin": pointer(LOGO), "wrong.bin": pointer(b"right"), "odd.bin": odd}
    urls = {f"m{number}": url for number, url in enumerate(["../gone.git", *list(REFUSALS)[1:]])}
    shop = origin.repo("shop", files, {path: (url, "1" * 40) for path, url in urls.items()})
    repository.fetch(app, spec(server).source, shop, "main")
    with pytest.raises(Failure) as caught:
        contents.gather(app, spec(server), shop)
    reasons = [why.replace("PORT", str(server.server_port)) for why in REFUSALS.values()]
    assert str(caught.value) == "\n".join(
        [
            f"The commit {shop[:12]} holds Git LFS pointers in place of 3 files (odd.bin, lost.bin, wrong.bin): "
            "the app would read texts of 130 bytes.",
            "  odd.bin: its pointer is not of the usual form",
            "  lost.bin: Object does not exist (404)",
            "  wrong.bin: what the server gives out is another file than the commit means",
            "Mend that, commit the files themselves (git lfs migrate export), or deploy without them: "
            "pulumi config set --path 'launchpad:allow_missing[0]' lfs",
            f"The commit {shop[:12]} has 5 submodules (m0, m1, m2, m3, m4): the app would find their folders empty.",
            *(f"  m{number}: {why}" for number, why in enumerate(reasons)),
            "Mend that, commit their files (git subtree add), or deploy without them: "
            "pulumi config set --path 'launchpad:allow_missing[1]' submodules",
        ]
    )
    assert not (app.repository / "lfs-incoming").exists()
    assert contents.gather(app, spec(server, allow_missing=("lfs", "submodules")), shop) == Placed()


def test_credentials_that_are_not_accepted_are_the_reason(app: App, origin: Origin) -> None:
    shop = origin.repo("shop", {"logo.bin": origin.lfs(LOGO)})
    with gitserver.serving(str(origin.served)) as server:
        repository.fetch(app, spec(server).source, shop, "main")
    with gitserver.serving(str(origin.served), "other:password") as server, pytest.raises(Failure) as caught:
        contents.gather(app, spec(server), shop)
    assert "  logo.bin: the server asks for other credentials (status 401); set a token" in str(caught.value)


def test_files_that_do_not_fit_on_the_disk_are_refused_before_anything_is_fetched(
    app: App, origin: Origin, server: gitserver.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = origin.repo("shop", {"logo.bin": origin.lfs(LOGO).replace("size 300000", "size 900000000000000")})
    repository.fetch(app, spec(server).source, shop, "main")
    monkeypatch.setattr(space, "clear", lambda _: None)
    monkeypatch.setattr(space, "report", lambda _: "")
    server.asked.clear()
    with pytest.raises(space.NoSpace, match=r"free at .*, 1800000100 MB needed"):
        contents.gather(app, spec(server), shop)
    assert server.asked == []


@pytest.mark.parametrize("path", [".git/hooks", "a/../../b", ".git"])
def test_a_path_that_leads_out_of_the_release_is_refused_by_git(app: App, tmp_path: Path, path: str) -> None:
    repository.ensure(app)

    def run(*arguments: str, feed: str = "") -> str:
        return repository.git(app, *arguments, feed=feed).out.strip()

    blob = run("hash-object", "-w", "--stdin", feed="x")
    tree = run("mktree", feed=f"100644 blob {blob}\tx\n")
    who = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a"}
    commit = repository.git(app, "commit-tree", tree, "-m", "x", env=who).out.strip()
    with pytest.raises(Failure, match=r"Cannot write the files of .*\n.*(invalid path|outside)"):
        checkout.checkout(app, commit, tmp_path / "releases/1", Placed({path: tree}))
    checkout.checkout(app, commit, tmp_path / "releases/2", Placed(files={path: ("100644", blob)}))
    written = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "releases").rglob("*"))
    assert written == ["releases/1", "releases/2", "releases/2/x"]


def test_odd_names_and_contents_outside_the_directory(
    app: App, origin: Origin, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {
        "site/big\x1b file.bin": pointer(b"1"),
        "outside.bin": pointer(b"2"),
        "site/small.txt": f"x{pointer(b'3')}",
    }
    shop = origin.repo("shop", files, {"site/theme": ("../theme.git", "1" * 40)})
    repository.fetch(app, Source("url", f"file://{origin.served / 'shop.git'}"), shop, "main")
    pushed = DeploySpec("shop", Source("pushed"), directory="site", allow_missing=("lfs",))
    with pytest.raises(Failure) as caught:
        contents.gather(app, pushed, shop)
    assert str(caught.value) == (
        f"The commit {shop[:12]} has 1 submodule (site/theme): the app would find its folder empty.\n"
        "  site/theme: the workstation did not push it\n"
        "Mend that, commit their files (git subtree add), or deploy without them: "
        "pulumi config set --path 'launchpad:allow_missing[1]' submodules"
    )
    assert "in place of 1 file (site/big\N{REPLACEMENT CHARACTER} file.bin)" in capsys.readouterr().err
