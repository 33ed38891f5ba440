"""Maintenance mode: the machine closes or opens the site, and a person reads what that means."""

from __future__ import annotations

import json
import time

from cli import output, remote
from cli.failure import Failure
from cli.stack import Stack
from infra.protocol import quantities
from infra.protocol.maintenance import COOKIE, LONGEST, Closing

PAGES = ".launchpad/error_pages"


def retry_after(value: str) -> int:
    """Whole seconds of a time such as 10m.

    Raises:
        Failure: It is none, or too long.
    """
    seconds = quantities.duration(int(value) if value.isdecimal() else value)
    if seconds is None or not 0 <= seconds <= LONGEST:
        raise Failure(f"--retry-after is {value!r}; it must be a time such as 600, 90s, 10m or 2h, at most {LONGEST} s")
    return round(seconds)


def switch(stack: Stack, app: str, *words: str, as_json: bool) -> None:
    """Have the machine do it, or say how it is, and print that.

    Args:
        stack: The stack.
        app: The app; empty for the only one.
        words: The agent's arguments: on or off, or neither.
        as_json: Whether to print what the agent says.
    """
    state: Closing = json.loads(remote.ask(stack, app, "maintenance", "--who", remote.who(), *words))
    if as_json:
        output.data(state)
        return
    name = remote.login(stack, app).app
    url = _url(stack, name) if state["closed"] else ""
    more = ["--app", name] if len(remote.reach(stack).apps) > 1 else []
    print("\n".join(lines(state, name, url, stack.command("maintenance", "off", *more))), flush=True)


def _url(stack: Stack, app: str) -> str:
    """The app's URL without / at its end; a placeholder if no deployment has got as far as that."""
    try:
        outputs = stack.outputs()
    except Failure:
        outputs = {}
    url = outputs.get("apps", {}).get(app, {}).get("url") or outputs.get("url") or "https://HOST/"
    return str(url).rstrip("/")


def lines(state: Closing, app: str, url: str, off: str) -> list[str]:
    """What a person reads of the state.

    Args:
        state: The state.
        app: The app.
        url: The app's URL, without / at its end.
        off: The command that opens the site.
    """
    if not state["closed"]:
        return [f"{app} is open{' again' if state['changed'] else ': it is not closed for maintenance'}."]
    since = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(state["since"]))
    again = f", and are asked to come again after {state['retry_after']} s" if state["retry_after"] else ""
    found = [f"{app} is closed for maintenance since {since} by {state['who']}. Visitors get 503{again}."]
    if state["page"]:
        found.append(f"They see the app's own page, {PAGES}/{state['page']}.")
        if state["message"]:
            found[-1] += " The message is for programs, which ask for no HTML, and in launchpad status."
    else:
        found.append(f"They read: {state['message']}" if state["message"] else "They see a page without a message.")
    return [
        *found,
        f"To see the site all the same, open {url}{state['path']} (it sets the cookie {COOKIE}).",
        "Deployments go on, and neither they nor a reboot open the site.",
        f"To open it: {off}",
    ]
