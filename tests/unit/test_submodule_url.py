"""Which URLs of submodules and of Git LFS are followed, and which server gets the credentials."""

import pytest

from infra.common.submodule_url import UrlError, follow, lfs

HTTPS = "https://ci:token@git.example.org/team/shop.git"
SSH = "ssh://git@git.example.org:2222/team/shop.git"
SCP = "git@git.example.org:team/shop.git"
LOOPBACK = "http://ci:x@127.0.0.1:8421/app.git"


@pytest.mark.parametrize(
    ("base", "url", "wanted"),
    [
        (HTTPS, "../theme.git", "https://ci:token@git.example.org/team/theme.git"),
        (HTTPS, "./theme", "https://ci:token@git.example.org/team/shop.git/theme"),
        (HTTPS, "../../other/theme.git", "https://ci:token@git.example.org/other/theme.git"),
        (SSH, "../theme.git", "ssh://git@git.example.org:2222/team/theme.git"),
        (SCP, "../theme.git", "git@git.example.org:team/theme.git"),
        (SCP, "../../theme.git", "git@git.example.org:theme.git"),
        ("git@h.example:/srv/shop.git", "../theme.git", "git@h.example:/srv/theme.git"),
        (LOOPBACK, "../theme.git", "http://ci:x@127.0.0.1:8421/theme.git"),
        # The same server by its full URL gets the credentials, in whatever form it is written.
        (HTTPS, "https://git.example.org/o/t.git", "https://ci:token@git.example.org/o/t.git"),
        (HTTPS, "https://GIT.example.org/o/t.git", "https://ci:token@git.example.org/o/t.git"),
        (HTTPS, "git@git.example.org:o/t.git", "https://ci:token@git.example.org/o/t.git"),
        (HTTPS, "ssh://git@git.example.org/o/t.git", "https://ci:token@git.example.org/o/t.git"),
        (HTTPS, "http://git.example.org/o/t.git", "https://ci:token@git.example.org/o/t.git"),
        (LOOPBACK, "http://127.0.0.1:8421/t.git", "http://ci:x@127.0.0.1:8421/t.git"),
        (SCP, "git@git.example.org:o/t.git", "git@git.example.org:o/t.git"),
        (SCP, "https://git.example.org/o/t.git", "https://git.example.org/o/t.git"),
        # Another server, or another port of it, gets none.
        (HTTPS, "https://git.example.org:8443/o/t.git", "https://git.example.org:8443/o/t.git"),
        (HTTPS, "https://elsewhere.example/o/t.git", "https://elsewhere.example/o/t.git"),
        (SCP, "https://elsewhere.example/o/t.git", "https://elsewhere.example/o/t.git"),
    ],
)
def test_a_url_that_is_followed(base: str, url: str, wanted: str) -> None:
    assert follow(base, url) == wanted


@pytest.mark.parametrize(
    ("base", "url", "why"),
    [
        (HTTPS, "", "is not valid"),
        (HTTPS, "-oProxyCommand=touch /tmp/x", "is not valid"),
        (HTTPS, "ssh://-oProxyCommand=x/y", "is not valid"),
        (HTTPS, "ssh://-oProxyCommand=x@git.example.org/y", "is not valid"),
        (SCP, "git@-oProxyCommand=x:y", "is neither https, nor ssh, nor relative"),
        (HTTPS, "ext::sh -c x", "is not valid"),
        (HTTPS, "ext::sh", "names a transport program"),
        (HTTPS, "file:///etc", "begins with file://"),
        (HTTPS, "/etc", "is neither https, nor ssh, nor relative"),
        (HTTPS, "C:\\x", "is not valid"),
        (HTTPS, "git://git.example.org/x", "begins with git://"),
        (HTTPS, "https://elsewhere.example/x\n[core]", "is not valid"),
        (HTTPS, "https:///x", "is not valid"),
        (HTTPS, "https://[::1/x", "is not valid"),
        (HTTPS, "https://git.example.org/x?a=b", "has a query"),
        (HTTPS, f"https://git.example.org/{'x' * 2000}", "is not valid"),
        (HTTPS, "../../../x", "leads out of the server"),
        (HTTPS, "../x/../../../y", "is not valid"),
        (HTTPS, "../", "is not valid"),
        (SCP, "../../../x", "leads out of the server"),
        # The machine asks nothing for a committer that is in its network only, such as the metadata service.
        (HTTPS, "http://169.254.169.254/latest/meta-data", "others are asked by https only"),
        (LOOPBACK, "http://127.0.0.2:8421/t.git", "others are asked by https only"),
        (SCP, "git@elsewhere.example:o/t.git", "others are asked by https only"),
        (SCP, "http://git.example.org/o/t.git", "is http, and that of the repository is not"),
    ],
)
def test_a_url_that_is_not_followed(base: str, url: str, why: str) -> None:
    with pytest.raises(UrlError, match=why):
        follow(base, url)


@pytest.mark.parametrize(
    ("base", "configured", "wanted"),
    [
        (HTTPS, "", "https://ci:token@git.example.org/team/shop.git/info/lfs"),
        ("https://git.example.org/team/shop", "", "https://git.example.org/team/shop.git/info/lfs"),
        ("https://git.example.org/team/shop/", "", "https://git.example.org/team/shop.git/info/lfs"),
        (SCP, "", "https://git.example.org/team/shop.git/info/lfs"),
        (SSH, "", "https://git.example.org/team/shop.git/info/lfs"),
        (HTTPS, "https://lfs.example.org/shop/", "https://lfs.example.org/shop"),
        (HTTPS, "https://git.example.org/lfs", "https://ci:token@git.example.org/lfs"),
    ],
)
def test_the_server_of_git_lfs(base: str, configured: str, wanted: str) -> None:
    assert lfs(base, configured) == wanted


@pytest.mark.parametrize("configured", ["http://169.254.169.254/x", "file:///etc", "ssh://git@git.example.org/x"])
def test_a_server_of_git_lfs_that_is_not_asked(configured: str) -> None:
    with pytest.raises(UrlError):
        lfs(SCP, configured)
