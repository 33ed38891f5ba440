"""Processes as bash has them, whatever they are called; who waits for whom; and that nothing outlives its reader."""

import json
from pathlib import Path

from tests.host.lab import Lab, Repo

NOTE = """\
import os, pathlib, signal, sys, time
out = pathlib.Path(os.environ["DATA_DIR"], f"{sys.argv[1]}.{os.environ['LAUNCHPAD_REVISION'][:12]}")
def stop(*_):
    time.sleep(0.5)
    out.write_text(f"{os.environ.get('GREETING', '')} asked to stop")
    os._exit(0)
signal.signal(signal.SIGTERM, stop)
out.write_text("runs")
time.sleep(1000)
"""
FORMS = {
    "plain": "python note.py plain",
    "exec": "exec python note.py exec",
    "assigned": "GREETING=$TEXT python note.py assigned",
    "both": "GREETING=$TEXT exec python note.py both",
    "list": "cd . && python note.py list",
    "timed": "time python note.py timed",
    "group": "{ python note.py group; }",
    "piped": "python note.py piped | cat",
    "redirected": "python note.py redirected 2>&1",
    "background": "python note.py background & wait",
    "sequence": "python note.py sequence; python note.py never",
    "script": "./start.sh",
    "task": "python note.py task",
    "blue": "python note.py blue",
    "green": "python note.py green",
    "Plain": "python note.py Plain",
    "n" * 100: "python note.py long",
}
START = "#!/bin/sh\ntrue\npython note.py script\n"


def test_every_form_of_command_starts_and_is_asked_to_stop(lab: Lab, tmp_path: Path) -> None:
    procfile = "".join(f"{name}: {line}\n" for name, line in FORMS.items())
    repo = Repo.of("flask", tmp_path / "forms")
    web = "web: exec gunicorn --workers 2 app:app\n"
    repo.commit("forms", {"Procfile": web + procfile, "note.py": NOTE, "start.sh": START}, executable=("start.sh",))
    done = lab.deploy(repo, "forms", env={"TEXT": "two words"})
    assert done.code == 0, done.err
    assert done.data().get("warnings") is None
    assert lab.marker() == "forms"
    repo.commit("none", {"Procfile": web, "note.py": None})
    assert lab.deploy(repo, "none").code == 0
    names = [line.split()[2] for line in FORMS.values() if line.startswith("python")]
    sudo = "bash -c 'systemctl list-units --all --plain --no-legend \"app@*\" | grep -c deactivating; true'"
    for _ in range(40):
        if lab.sudo(sudo).strip() == "0":
            break
    revision = repo.revisions["forms"][:12]
    found = json.loads(
        lab.sudo(
            "python3 -c 'import json, pathlib; print(json.dumps({path.name: path.read_text() for path in "
            f'pathlib.Path("/srv/app/data").glob("*.{revision}")}}))\''
        )
    )
    assert f"never.{revision}" not in found
    assert len(names) + 6 <= len(found) == len(FORMS)
    greeting = {"assigned": "two words", "both": "two words"}
    assert found == {
        f"{name}.{revision}": f"{greeting.get(name, '')} asked to stop"
        for name in (each.split(".")[0] for each in found)
    }
