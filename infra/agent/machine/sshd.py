"""Has sshd run with our drop-ins: tried first, and taken back if sshd does not do what they say."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from infra.agent.machine import algorithms, record, sshd_config
from infra.agent.machine.report import Report
from infra.agent.machine.wanted import Wanted
from infra.agent.system import caller_address, files, manifest, sh
from infra.agent.system.failure import Failure
from infra.agent.system.layout import PEOPLE_KEYS
from infra.common import atomic

SSHD = "/usr/sbin/sshd"
UNIT = "ssh.service"
UNREAD = "sshd has not read its files"
"""Recorded while that is so, for a run that is killed meanwhile."""
ANSWER = 30.0
"""Seconds that sshd may take to answer again after a reload."""


def apply(wanted: Wanted, report: Report) -> None:
    """Have sshd run as wanted. Connections that are open stay open.

    Raises:
        Failure: sshd cannot be set up, and why. Its files are as they were.
    """
    options = sshd_config.options(wanted.users, _known()) if wanted.ssh else {}
    texts = {
        sshd_config.DROPIN: sshd_config.text(options) if options else None,
        sshd_config.PEOPLE: sshd_config.people_text(sorted(wanted.people)) if wanted.people else None,
    }
    before = {path: path.read_bytes() if path.exists() else None for path in texts}
    if before == {path: None if text is None else text.encode() for path, text in texts.items()}:
        _check(options, wanted, report)
        if record.taken(UNREAD):
            _reload()
            record.forget(UNREAD)
        return
    if any(text is not None for text in texts.values()):
        _check_as_it_is(wanted)
    record.before(UNREAD, "yes")
    try:
        _put({path: None if text is None else text.encode() for path, text in texts.items()})
        tried = sh.run([SSHD, "-t"])
        if not tried.ok and not options and not wanted.people:
            report.warn(f"sshd rejects its configuration, and not because of Launchpad's part:\n{tried.last_lines()}")
        else:
            if not tried.ok:
                raise Failure(
                    f"sshd rejects Launchpad's settings, so nothing was changed. Its words:\n{tried.last_lines()}"
                )
            _check(options, wanted, report)
            _reload()
    except BaseException:
        _put(before)
        sh.run(["systemctl", "try-reload-or-restart", UNIT])
        record.forget(UNREAD)
        raise
    record.forget(UNREAD)
    report.did("sshd", "keys only, current algorithms" if options else "as this machine has it")


def _known() -> dict[str, tuple[str, ...]]:
    """The current algorithms that this machine's OpenSSH knows."""
    return {
        keyword: algorithms.chosen(keyword, sh.run(["ssh", "-Q", keyword]).out.split())
        for keyword in algorithms.CURRENT
    }


def _or(wanted: Wanted) -> str:
    """What else one can do."""
    return "or leave sshd as it is: launchpad:ssh_hardening false" if wanted.ssh else "or remove launchpad:people"


def _check_as_it_is(wanted: Wanted) -> None:
    """Refuse an sshd that has a mistake already, or reads no drop-ins."""
    tried = sh.run([SSHD, "-t"])
    if not tried.ok:
        raise Failure(
            f"sshd rejects its configuration on this machine as it is; Launchpad has changed nothing. "
            f"Mend it, {_or(wanted)}. Its words:\n{tried.last_lines()}"
        )
    if not sshd_config.includes_dropins(_text(sshd_config.MAIN)):
        raise Failure(
            f"{sshd_config.MAIN} does not read {sshd_config.FOLDER}. Add as its first line "
            f"Include {sshd_config.FOLDER}/*.conf, {_or(wanted)}."
        )


def _check(options: Mapping[str, str], wanted: Wanted, report: Report) -> None:
    """Ask sshd what holds for who deploys, for root and for anybody else; see that a key lets in who deploys.

    Raises:
        Failure: Says which file has something else.
    """
    for user in sorted({*wanted.users, "root", "nobody", *wanted.people}) if options or wanted.people else []:
        found = sshd_config.effective(
            sh.run([SSHD, "-T", "-C", caller_address.connection(user)], doing="Asking sshd what it does").out
        )
        expected = dict(options)
        if user in wanted.people:
            expected |= {"AuthorizedKeysFile": f"{PEOPLE_KEYS}/%u", "PasswordAuthentication": "no"}
            if closed := sshd_config.closed_to(user, found):
                why = _because(closed.split()[0], ours=False)
                report.warn(f"{user} of launchpad:people cannot log in, as sshd has {closed}: {why}")
        for keyword, value in sshd_config.differences(expected, found).items():
            raise Failure(
                f"sshd has {keyword} {value} for the user {user}, although Launchpad sets {expected[keyword]}: "
                f"{_because(keyword, ours=True)} Change that, {_or(wanted)}. Nothing was changed."
            )
        if user in wanted.users and sshd_config.locks_out_keys(found):
            raise Failure(
                f"sshd lets {user} in only by {found['authenticationmethods']}, so that Launchpad, which has a key, "
                f"could not log in any more: {_because('AuthenticationMethods', ours=False)} Nothing was changed."
            )


def _because(keyword: str, *, ours: bool) -> str:
    """Which file says so; ``ours`` says whether Launchpad sets the option, too."""
    dropins = {path: _text(path) for path in sshd_config.FOLDER.glob("*.conf")}
    line = sshd_config.setter(keyword, _text(sshd_config.MAIN), dropins, anywhere=not ours)
    if line is None:
        return "some other file that it reads says so."
    if line.conditional:
        how = ", for some users or addresses"
    else:
        how = ", and sshd takes the first value that it reads" if ours else ""
    return f"{line.path}, line {line.number}, says so{how}."


def _reload() -> None:
    """Have sshd read its files, and see that it still answers."""
    sh.run(["systemctl", "try-reload-or-restart", UNIT], doing="Reloading sshd")
    address, port = caller_address.our_end()
    if not address:
        return
    until = time.monotonic() + ANSWER
    while not sh.run(["ssh-keyscan", "-T", "5", "-p", port, address]).out.strip():
        if time.monotonic() > until:
            raise Failure(f"sshd does not answer at {address} port {port} after the reload; its files are as before.")
        time.sleep(0.2)


def _put(contents: Mapping[Path, bytes | None]) -> None:
    for path, content in contents.items():
        if content is None:
            files.remove_tree(path)
        else:
            manifest.note_file(path, content.decode(errors="replace"), 0o644, (0, 0))
            atomic.replace(path, content, 0o644)
    files.sweep(sshd_config.FOLDER)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
