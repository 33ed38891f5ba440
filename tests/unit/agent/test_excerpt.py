"""What of a log a person needs to see."""

from infra.agent.release import excerpt


def test_excerpt_keeps_the_cause_that_would_be_cut_off() -> None:
    log = ["boot", "  ModuleNotFoundError: No module named 'x'", *(f"line {number}" for number in range(20))]
    assert excerpt.excerpt(log).splitlines()[:3] == [
        "  ModuleNotFoundError: No module named 'x'",
        "  [...]",
        "  line 10",
    ]
    assert len(excerpt.excerpt(log, most=5).splitlines()) == 5
    assert excerpt.excerpt(["one"]) == "  one"
    assert excerpt.excerpt([]) == "  (nothing)"
    assert excerpt.excerpt(["\x1b[31m\x1b[1mred\x1b[0m\x07 alert"]) == "  red alert"
    assert excerpt.excerpt(["\x1b]0;a title\x07shown", "a\ttab"]) == "  shown\n  a\ttab"


TRACEBACK = """\
[INFO] Booting worker
Traceback (most recent call last):
  File "/srv/app/python/venvs/x/lib/python3.13/site-packages/gunicorn/util.py", line 420, in import_app
    mod = importlib.import_module(module)
          ~~~~~~~~~~~~~~~~~~~~~~~^^^^^^^^
  File "<frozen importlib._bootstrap>", line 488, in _call_with_frames_removed
  File "/srv/app/releases/abc/app.py", line 1, in <module>
    from shop import missing
  File "/srv/app/releases/abc/.venv/lib/python3.13/site-packages/shop/__init__.py", line 1, in <module>
    import nothing
ModuleNotFoundError: No module named 'nothing'
gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>
[ERROR] Shutting down: Master""".splitlines()


def test_excerpt_leaves_out_what_is_not_the_apps_own_code() -> None:
    assert excerpt.excerpt(TRACEBACK, "/srv/app/releases/abc").splitlines() == [
        "  [INFO] Booting worker",
        '    File "/srv/app/releases/abc/app.py", line 1, in <module>',
        "      from shop import missing",
        "  ModuleNotFoundError: No module named 'nothing'",
        "  gunicorn.errors.HaltServer: <HaltServer 'Worker failed to boot.' 3>",
        "  [ERROR] Shutting down: Master",
    ]


def test_the_cause_is_the_apps_last_exception() -> None:
    assert excerpt.cause(TRACEBACK) == "\nModuleNotFoundError: No module named 'nothing'"
    assert excerpt.cause(["SystemExit: 3", "ready"]) == ""
