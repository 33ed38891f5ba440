"""`pulumi new` makes a project of its own out of this one."""

import yaml

from tests.e2e.stack import Stack, git


def test_a_project_made_by_pulumi_new_can_be_previewed(stack: Stack) -> None:
    made = Stack(stack.clone.parent / "made")
    made.clone.mkdir()
    template = stack.clone.parent / "template"
    stack.run(f"git clone --quiet . {template} && rm -rf {template}/.git", check=True)
    said = stack.run(f"pulumi new {template} --generate-only --yes --dir {made.clone}", check=True).stdout
    assert "make up" in said
    project = yaml.safe_load((made.clone / "Pulumi.yaml").read_text())
    assert (project["name"], "template" in project) == ("launchpad", False)
    git(made.clone, "init", "--quiet")
    git(made.clone, "add", "--all")
    git(made.clone, "commit", "--quiet", "--message", "Begin")
    made.run("make setup", check=True)
    made.run("pulumi stack init dev", check=True)
    assert "app-release" in made.run("pulumi preview", check=True).stdout
