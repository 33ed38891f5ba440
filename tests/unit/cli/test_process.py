"""Programs that we run, and Ctrl-C meanwhile."""

import os
import signal

from cli import process


def test_ctrl_c_is_counted_by_whoever_waits_and_ends_nothing_of_ours() -> None:
    before = signal.getsignal(signal.SIGINT)  # ignored, where the tests run in a shell's background
    with process.interrupts() as outer:
        with process.interrupts() as inner:
            os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
    assert (outer.count, inner.count) == (2, 1)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_program_that_ctrl_c_ends_has_the_status_that_a_shell_gives_it() -> None:
    assert process.run(["sh", "-c", "kill -INT $$"]) == 130
    assert process.run(["sh", "-c", "kill -INT $PPID; exit 7"]) == 7


def test_what_a_program_prints_is_given_back() -> None:
    done = process.ask(["sh", "-c", "echo out; echo err >&2; exit 3"], quiet=True)
    assert (done.returncode, done.stdout) == (3, "out\n")
