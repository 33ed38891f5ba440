"""Scheduled jobs: which lines of a Procfile are jobs, and how the settings change them."""

from typing import Any

import pytest

from infra.app_model import jobs, plan, procfile
from infra.app_model.build_plan import Decision
from infra.app_model.files import AppError, MemoryFiles
from infra.protocol.app_settings import CronJob
from infra.protocol.specs import DeploySpec, Source

PROCFILE = "web: w\ncron.nightly: 0 3 * * * python manage.py clearsessions\ncron: @hourly python b.py\n"


def settings(**spec: Any) -> DeploySpec:
    """Settings with some of their fields."""
    return DeploySpec("app", Source("pushed"), **spec)


def test_both_forms_of_a_job() -> None:
    found = procfile.read(PROCFILE)
    assert found.processes == {"web": "w"}
    assert found.jobs == {
        "nightly": CronJob("nightly", "0 3 * * *", "python manage.py clearsessions"),
        "cron": CronJob("cron", "@hourly", "python b.py"),
    }


def test_jobs_without_a_name_are_numbered() -> None:
    text = "cron: 0 11 * * * python job.py\ncron.cron-2: @daily b\ncron: @daily c\ncron: */5 * * * * d\n"
    assert {name: job.command for name, job in procfile.jobs(text).items()} == {
        "cron": "python job.py",
        "cron-2": "b",
        "cron-3": "c",
        "cron-4": "d",
    }


@pytest.mark.parametrize("command", ["python scheduler.py", "supercronic crontab", "celery -A shop beat", "7z x"])
def test_a_process_may_be_called_cron(command: str) -> None:
    found = procfile.read(f"web: w\ncron: {command}\ncron: 0 3 * * * a\n")
    assert found.processes == {"web": "w", "cron": command}
    assert found.jobs == {"cron": CronJob("cron", "0 3 * * *", "a")}


def test_only_a_process_called_cron_may_be_a_job() -> None:
    assert procfile.read("web: w\nworker: 0 3 * * * a\n").processes["worker"] == "0 3 * * * a"


def test_every_mistake_names_its_line_its_job_and_its_field() -> None:
    with pytest.raises(AppError) as caught:
        procfile.read(
            "cron.a: 0 24 * * * x\ncron: @reboot x\ncron.b: python x.py\ncron.c: 0 3 * * *\n"
            "cron.c: @daily x\ncron.c: @daily y\nweb.1: x\ncron.: x\n"
            f"cron.{'n' * 101}: @daily x\ncron.d: @daily {'x' * 100_001}\n"
        )
    line = "a schedule and a command, such as 0 3 * * * python cleanup.py"
    assert str(caught.value).split("\n") == [
        "Procfile is not right:",
        "  line 1: the job a is '0 24 * * * x'; it must be a schedule whose hour is from 0 to 23",
        "  line 2: the job cron is '@reboot x'; it must be a schedule with times, and not @reboot; "
        "a process of the Procfile starts with the machine",
        f"  line 3: the job b is 'python x.py'; it must be {line}",
        f"  line 4: the job c is '0 3 * * *'; it must be {line}",
        "  line 6: there are two jobs called c",
        "  line 7 is 'web.1: x'; allowed: \"name: command\"",
        "  line 8 is 'cron.: x'; allowed: \"name: command\"",
        "  line 9: the name nnnnnnnnnnnnnnnnnnnn... is longer than 100 characters",
        f"  line 10: the job d is '@daily {'x' * 93}...'; it must be a command line of at most 100000 bytes; "
        "put it into a script",
    ]


def test_the_settings_win_over_the_procfile_and_each_job_says_where_it_comes_from() -> None:
    wanted = settings(
        cron=(CronJob("cron"), CronJob("nightly", "0 4 * * *", "new"), CronJob("own", "@daily", "o"), CronJob("typo"))
    )
    found = jobs.jobs(MemoryFiles({"Procfile": PROCFILE}), wanted)
    assert found.cron == (CronJob("nightly", "0 4 * * *", "new"), CronJob("own", "@daily", "o"))
    assert found.decisions == (
        Decision("job cron", "does not run", "launchpad:cron.cron is false", "launchpad:cron.cron"),
        Decision("job nightly", "0 4 * * * new", "launchpad:cron.nightly is set", "launchpad:cron.nightly"),
        Decision("job own", "@daily o", "launchpad:cron.own is set", "launchpad:cron.own"),
    )
    assert found.notes == (
        "launchpad:cron.typo is false, but the Procfile has no job of that name; it has nightly, cron.",
    )


def test_jobs_are_in_the_build_plan() -> None:
    found = plan.plan(MemoryFiles({"Procfile": PROCFILE}), settings())
    assert found.cron == (
        CronJob("cron", "@hourly", "python b.py"),
        CronJob("nightly", "0 3 * * *", "python manage.py clearsessions"),
    )
    command = "0 3 * * * python manage.py clearsessions"
    nightly = Decision("job nightly", command, "the Procfile has it", "launchpad:cron.nightly")
    assert nightly in found.decisions
    assert plan.plan(MemoryFiles({}), settings(command="w", cron=(CronJob("a", "@daily", "b"),))).cron == (
        CronJob("a", "@daily", "b"),
    )


def test_a_secret_that_only_a_job_reads_is_generated_and_a_job_says_nothing_about_web() -> None:
    job = "import os\nSECRET = os.environ['JWT_SECRET']\nSEEN = {}\n\n\ndef see(x):\n    SEEN[x] = 1\n"
    files = MemoryFiles(
        {
            "Procfile": "web: gunicorn app:app\ncron.a: @daily python job.py\n",
            "app.py": "from flask import Flask\napp = Flask(__name__)\n\n\n@app.get('/')\ndef index():\n    return ''\n",
            "job.py": job,
            "requirements.txt": "flask\n",
        }
    )
    found = plan.plan(files, settings())
    assert (found.generated, found.one_worker) == (("JWT_SECRET",), "")
