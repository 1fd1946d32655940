"""The supervisor with real processes: restarts, warm stops, no orphans."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dispatcher.adapters.standalone.child import ChildState, Command, Phase
from dispatcher.adapters.standalone.restart_delay import RestartDelay
from dispatcher.adapters.standalone.supervisor import EXIT_CONFIG, Supervisor
from dispatcher.errors import ConfigError

STAY = "import time; print('up', flush=True); time.sleep(600)"
# Blocked and waited for: a signal between the word and a sleep would be slept through.
POLITE = (
    "import signal\n"
    "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])\n"
    "print('up', flush=True); signal.sigwait([signal.SIGTERM]); print('bye', flush=True)\n"
)
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('up', flush=True); time.sleep(600)\n"
)


def python(name: str, program: str, *arguments: str) -> Command:
    return Command(name, (sys.executable, "-I", "-S", "-c", program, *arguments))


def until(condition: Callable[[], bool], within: float = 15.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        # A zombie is dead; only its parent has not looked yet.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Watched:
    """A supervisor and all it said."""

    def __init__(self, *commands: Command, grace: float = 10.0) -> None:
        self.lines: list[tuple[str, str]] = []
        self.changes: list[ChildState] = []
        self.supervisor = Supervisor(
            commands,
            grace=grace,
            on_line=lambda name, line: self.lines.append((name, line)),
            on_change=self.changes.append,
            delay=lambda: RestartDelay(first=0.01),
        )

    def said(self, name: str, line: str, times: int = 1) -> None:
        until(lambda: self.lines.count((name, line)) >= times)

    def pid(self, name: str) -> int:
        (pid,) = (state.pid for state in self.supervisor.states() if state.name == name)
        assert pid is not None
        return pid


@pytest.fixture
def watch() -> Iterator[Callable[..., Watched]]:
    started: list[Watched] = []

    def start(*commands: Command, grace: float = 10.0) -> Watched:
        watched = Watched(*commands, grace=grace)
        watched.supervisor.start()
        started.append(watched)
        return watched

    yield start
    for watched in started:
        watched.supervisor.request_stop()
        watched.supervisor.request_stop()
        watched.supervisor.stop()


Watch = Callable[..., Watched]


def test_children_run_and_stop_in_order(watch: Watch) -> None:
    watched = watch(python("a", POLITE), python("b", POLITE))
    watched.said("a", "up")
    watched.said("b", "up")
    assert [state.phase for state in watched.supervisor.states()] == [Phase.RUNNING] * 2
    assert watched.supervisor.stop()
    watched.said("a", "bye")
    watched.said("b", "bye")
    assert [state.phase for state in watched.supervisor.states()] == [Phase.STOPPED] * 2


def test_a_child_that_dies_comes_back_alone(watch: Watch) -> None:
    watched = watch(python("a", POLITE), python("b", POLITE))
    watched.said("a", "up")
    watched.said("b", "up")
    untouched = watched.pid("b")
    os.kill(watched.pid("a"), signal.SIGKILL)
    watched.said("a", "up", times=2)
    first, second = watched.supervisor.states()
    assert (first.restarts, first.exit_code) == (1, -signal.SIGKILL)
    assert (second.restarts, second.pid) == (0, untouched)
    assert watched.supervisor.stop()


def test_a_child_that_ends_well_without_being_asked_comes_back_too(watch: Watch) -> None:
    watched = watch(python("a", "print('once')"))
    watched.said("a", "once", times=3)


def test_a_program_that_is_not_there_is_named_and_tried_again(watch: Watch) -> None:
    watched = watch(Command("a", ("/nonexistent/program",)))
    watched.said("a", "cannot run /nonexistent/program: No such file or directory", times=2)


def test_a_folder_that_is_not_there_is_named_and_tried_again(watch: Watch) -> None:
    watched = watch(Command("a", ("true",), folder=Path("/nonexistent")))
    watched.said("a", "cannot be started: No such file or directory", times=2)


def test_a_child_that_ignores_its_orders_is_killed_after_the_grace(watch: Watch) -> None:
    watched = watch(python("a", STUBBORN), grace=0.05)
    watched.said("a", "up")
    assert not watched.supervisor.stop()
    assert watched.supervisor.states()[0].exit_code == -signal.SIGKILL


def test_a_second_request_kills_at_once(watch: Watch) -> None:
    watched = watch(python("a", STUBBORN), grace=600)
    watched.said("a", "up")
    watched.supervisor.request_stop()
    assert not watched.supervisor.stop()


def test_a_child_whose_settings_are_wrong_stops_all_and_is_not_tried_again() -> None:
    watched = Watched(python("a", POLITE), python("b", f"raise SystemExit({EXIT_CONFIG})"))
    assert watched.supervisor.run() == EXIT_CONFIG
    assert [state.restarts for state in watched.supervisor.states()] == [0, 0]


def test_a_supervisor_can_be_run_again(watch: Watch) -> None:
    watched = watch(python("a", POLITE))
    watched.said("a", "up")
    assert watched.supervisor.stop()
    watched.supervisor.start()
    watched.said("a", "up", times=2)
    assert watched.supervisor.stop()


def test_what_a_killed_child_had_started_dies_with_it(watch: Watch) -> None:
    program = (
        "import subprocess, sys, time\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        "print(child.pid, flush=True); time.sleep(600)\n"
    )
    watched = watch(python("a", program))
    until(lambda: bool(watched.lines))
    grandchild = int(watched.lines[0][1])
    os.kill(watched.pid("a"), signal.SIGKILL)
    until(lambda: not alive(grandchild))


def test_lines_longer_than_any_buffer_are_passed_on(watch: Watch) -> None:
    program = "import time; print('x' * 3_000_000, flush=True); print('end', flush=True)\n"
    watched = watch(python("a", program + "time.sleep(600)"))
    watched.said("a", "end")
    assert sum(len(line) for _, line in watched.lines) == 3_000_003


def test_a_child_sees_the_environment_it_is_given(watch: Watch) -> None:
    program = "import os, time; print(os.environ['WORD'], flush=True); time.sleep(600)"
    argv = (sys.executable, "-I", "-S", "-c", program)
    watched = watch(Command("a", argv, environment={"WORD": "grüße"}))
    watched.said("a", "grüße")


def test_two_commands_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigError):
        Supervisor([python("a", STAY), python("a", STAY)])


SUPERVISE = """\
import sys
from dispatcher.adapters.standalone.child import Command
from dispatcher.adapters.standalone.supervisor import Supervisor
command = Command("a", (sys.executable, "-I", "-S", "-c", sys.argv[1]))
def line(name, text): print(text, flush=True)
def change(state): state.pid and print("pid", state.pid, flush=True)
sys.exit(Supervisor([command], on_line=line, on_change=change, grace=30).run())
"""


class Supervising:
    """A process that supervises one child."""

    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", SUPERVISE, program],
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,
        )
        assert self.process.stdout is not None
        self.output = self.process.stdout
        self.child = int(self.output.readline().removeprefix("pid "))
        assert self.output.readline() == "up\n"


@pytest.fixture
def supervising() -> Iterator[Callable[[str], Supervising]]:
    started: list[Supervising] = []

    def start(program: str) -> Supervising:
        started.append(Supervising(program))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()
        one.output.close()
        if alive(one.child):
            os.kill(one.child, signal.SIGKILL)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_group_is_a_warm_stop(
    supervising: Callable[[str], Supervising], number: signal.Signals
) -> None:
    one = supervising(POLITE)
    os.killpg(one.process.pid, number)
    assert "bye\n" in one.output.read()
    assert one.process.wait(10) == 0
    assert not alive(one.child)


def test_a_second_signal_kills_and_the_exit_code_says_so(
    supervising: Callable[[str], Supervising],
) -> None:
    one = supervising(STUBBORN)
    # Two different ones: two equal signals that are pending at once would be one.
    os.kill(one.process.pid, signal.SIGINT)
    os.kill(one.process.pid, signal.SIGTERM)
    assert one.process.wait(10) == 1
    assert not alive(one.child)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells children of a parent's death")
def test_no_child_outlives_a_killed_supervisor(supervising: Callable[[str], Supervising]) -> None:
    one = supervising(STAY)
    os.kill(one.process.pid, signal.SIGKILL)
    until(lambda: not alive(one.child))
