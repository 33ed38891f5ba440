"""What a project elsewhere gets when it installs this one for its components."""

import os
import subprocess
import sys
from pathlib import Path

from infra.deployment import bundle
from tests.e2e.stack import ROOT

PROGRAM = """
import hashlib, pathlib, infra
from infra.deployment import bundle
from infra.deployment.deployment import Deployment
from infra.machines.embedded.machine import EmbeddedMachine
print(pathlib.Path(infra.__file__).parents[1], hashlib.sha256(bundle.contents()).hexdigest())
"""


def test_an_installed_copy_has_the_components_and_packs_the_same_agent(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(source)], check=True)
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(source)]
    subprocess.run(install, check=True)
    assert {path.name for path in target.iterdir() if "dist-info" not in path.name} == {"infra"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
        capture_output=True,
        text=True,
        check=True,
    )
    place, digest = run.stdout.split()
    assert place == str(target)
    assert bundle.write(tmp_path / "build")[1] == digest[:16]
