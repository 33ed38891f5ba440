"""The consumer against a real stack dev: it lives off the outputs and nothing else."""

import json
import urllib.request

from tests.e2e.stack import Stack

CONSUMER = "cd examples/consumer &&"


def test_consumer_makes_its_files_of_the_outputs_and_follows_them(stack: Stack) -> None:
    stack.run(f"{CONSUMER} pulumi stack init consumer", check=True)
    refused = stack.fails(f"{CONSUMER} pulumi up --yes --skip-preview")
    assert "stack organization/launchpad/dev has no outputs; run `pulumi up` there first" in refused
    stack.up()
    stack.run(f"{CONSUMER} pulumi up --yes --skip-preview", check=True)
    found = stack.outputs()
    folder = stack.clone / "examples/consumer/out"
    assert (folder / "zone.txt").read_text() == f"app.example.org. 300 IN A {found['address']}\n"
    (group,) = json.loads((folder / "prometheus-targets.json").read_text())
    assert group["labels"]["revision"] == found["revision"]
    metrics = f"{group['labels']['__scheme__']}://{group['targets'][0]}{group['labels']['__metrics_path__']}"
    assert urllib.request.urlopen(metrics, timeout=10).status == 200
    stack.run(f"{CONSUMER} pulumi destroy --yes --skip-preview", check=True)
    assert not any(folder.iterdir())
