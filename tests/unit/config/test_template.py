"""What `pulumi new` asks when it makes a project of its own out of this one."""

from pathlib import Path

import yaml

ROOT = Path(__file__).parents[3]


def test_what_the_template_asks_are_keys_with_their_defaults() -> None:
    project = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
    for key, asked in project["template"]["config"].items():
        assert asked["default"] == project["config"][key.removeprefix("launchpad:")]["default"]
