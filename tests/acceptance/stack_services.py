"""The stack's own services against its own Valkey, each as the role it has there."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.acceptance.compose import environment, health_command, services, worker_command
from tests.acceptance.stack_valkey import StackValkey

PROGRAMS: Final = Path(sys.executable).parent
PATIENCE: Final = 60.0


def surroundings(
    service: str, valkey: StackValkey, folder: Path, **settings: str
) -> dict[str, str]:
    """Return what the stack gives a service, as it is on this machine."""
    here = {
        "PATH": f"{PROGRAMS}:{os.environ['PATH']}",
        "HOME": str(folder),
        "DISPATCHER_DATA_DIR": str(folder / "var"),
    }
    given = environment(service)
    broker = valkey.url(given.pop("DISPATCHER_BROKER_URL"))
    changed = {f"DISPATCHER_{name}".upper(): text for name, text in settings.items()}
    return given | here | {"DISPATCHER_BROKER_URL": broker} | changed


@contextmanager
def started(
    command: list[str], env: Mapping[str, str], folder: Path, *, log: str
) -> Iterator["subprocess.Popen[bytes]"]:
    """Run a command; what it says goes to *log* in *folder*, and into a failure's notes."""
    said = folder / log
    with said.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield process
    except BaseException as failure:
        failure.add_note(said.read_text())
        raise
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)


def until(
    condition: Callable[[], Any], wish: str, process: "subprocess.Popen[bytes] | None" = None
) -> Any:
    """Return what *condition* returns, once that is true; a *process* that ended will not do it."""
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert process is None or process.poll() is None, f"ended instead: {wish}"
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s: {wish}"
        time.sleep(0.05)
    return found


@contextmanager
def running_worker(
    valkey: StackValkey, folder: Path, **settings: str
) -> Iterator[Mapping[str, str]]:
    """Yield the surroundings of a worker that Docker would call healthy."""
    env = surroundings("worker", valkey, folder, **settings)
    with started(worker_command(), env, folder, log="worker.log") as process:
        log = folder / "worker.log"  # asked too early, the health command waits for an answer
        until(lambda: " ready." in log.read_text(), "the worker is ready", process)
        until(lambda: is_healthy("worker", env, folder), "the worker is healthy", process)
        yield env


def is_healthy(service: str, env: Mapping[str, str], folder: Path) -> bool:
    """Tell whether Docker would call a service healthy."""
    program, *arguments = health_command(service)
    asked = subprocess.run(
        [PROGRAMS / program, *arguments],
        cwd=folder,
        env=env,
        capture_output=True,
        check=False,
        timeout=PATIENCE,
    )
    return asked.returncode == 0


@dataclass(frozen=True, slots=True)
class StackApi:
    """A running API of the stack.

    Args:
        folder: Its working directory.
        env: Its surroundings.
        process: Its supervisor.
        url: Where it answers; the stack's own port may be taken here.
    """

    folder: Path
    env: Mapping[str, str]
    process: "subprocess.Popen[bytes]"
    url: str

    def is_healthy(self) -> bool:
        """Tell whether Docker would call it healthy."""
        return is_healthy("api", self.env, self.folder)


@contextmanager
def running_api(valkey: StackValkey, folder: Path, **settings: str) -> Iterator[StackApi]:
    """Yield the API, at any free ports of this machine, once Docker would call it healthy."""
    places = {"http_bind": "127.0.0.1:0", "grpc_bind": "127.0.0.1:0"}
    env = surroundings("api", valkey, folder, **(places | settings))
    log = folder / "api.log"
    with started(services()["api"]["command"], env, folder, log=log.name) as process:

        def told() -> str:
            found = re.search(r"HTTP at (http://127\.0\.0\.1:\d+)", log.read_text())
            return found[1] if found else ""

        url = until(told, "the API says where it is", process)
        api = StackApi(folder, env, process, url)
        until(api.is_healthy, "the API is healthy", process)
        yield api


def command(env: Mapping[str, str], *arguments: str, text: str = "") -> str:
    """Return what a command of ours prints in these surroundings, as with `docker compose exec`."""
    done = subprocess.run(
        [PROGRAMS / "dispatcher", *arguments],
        env=env,
        cwd=env["HOME"],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
