"""A whole system as its user meets it: ``dispatcher up`` in a process, commands beside it."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final, TypeVar

import httpx
from celery import Celery

from dispatcher.bootstrap import open_store
from dispatcher.delivery import Delivery, State, Totals
from dispatcher.ports import DeliveryLog
from dispatcher.settings import Settings

_T = TypeVar("_T")

PATIENCE: Final = 30.0
"""Seconds after which something that has not happened is a failure; never a pause."""

_INTRODUCTION: Final = "A producer, in plain Celery:"


def wait_until(holds: Callable[[], Any], what: str, *, within: float = PATIENCE) -> Any:
    """Return what *holds* returns, as soon as that is true."""
    deadline = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.01)
    return found


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Return an environment with these settings only, and data in *folder*."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("DISPATCHER_")}
    own = {f"DISPATCHER_{name}".upper(): text for name, text in settings.items()}
    return kept | {"DISPATCHER_DATA_DIR": str(folder)} | own


def dispatcher(*arguments: str, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        (sys.executable, "-m", "dispatcher", *arguments),
        env=env,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def is_ready(api: str) -> bool:
    """Tell whether the API at that URL answers, and its store."""
    try:
        return httpx.get(f"{api}/readyz", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def processes_of(folder: Path) -> dict[int, str]:
    """Return the processes that belong to a data folder, by id: their command lines."""
    mark = str(folder).encode()
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command, variables = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
        except OSError:
            continue  # it ended meanwhile
        if int(entry.name) != os.getpid() and mark in command + variables and command:
            found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
    return found


def an_event(event_id: str, org_id: str = "acme", **fields: Any) -> dict[str, Any]:
    """Return an event that happened just now, as a producer writes it."""
    return {
        "id": event_id,
        "org_id": org_id,
        "user": {"email": f"{event_id}@{org_id}.example", "display_name": "Ada Lovelace"},
        "occurred_at": datetime.now(UTC).isoformat(),
    } | fields


@dataclass(frozen=True, slots=True)
class System:
    """A running ``dispatcher up``."""

    folder: Path
    env: dict[str, str]
    process: "subprocess.Popen[bytes]"
    printed: Path
    producer: Celery

    def update_policy(self, *arguments: object) -> Any:
        """Return the update task's result."""
        task = "dispatcher.update_notification_policy"
        return self.producer.send_task(task, arguments, queue="policies").get(timeout=PATIENCE)

    def publish(self, event: object) -> None:
        task = "dispatcher.password_changed"
        self.producer.send_task(task, [event], queue="notifications", ignore_result=True)

    def mail_files(self) -> list[Path]:
        return sorted((self.folder / "inbox").glob("*.eml"))

    def mails(self) -> list[EmailMessage]:
        return [
            message_from_bytes(path.read_bytes(), _class=EmailMessage, policy=policy.default)
            for path in self.mail_files()
        ]

    def mails_to(self, address: str) -> list[EmailMessage]:
        return [
            mail
            for mail in self.mails()
            if [to.addr_spec for to in mail["To"].addresses] == [address]
        ]

    def ask(self, *arguments: str) -> Any:
        """Return what a command answers as JSON."""
        finished = dispatcher(*arguments, "--json", env=self.env)
        assert finished.stdout, finished.stderr
        return json.loads(finished.stdout)

    def look(self, work: Callable[[DeliveryLog], Awaitable[_T]]) -> _T:
        """Return what the ledger says, without the two seconds that a command takes to start."""

        async def looked() -> _T:
            embedded = f"unix://{self.folder / 'valkey' / 'valkey.sock'}"
            async with open_store(Settings(), embedded) as store:
                return await work(store.ledger)

        return asyncio.run(looked())

    def totals(self) -> Totals:
        return self.look(lambda log: log.totals())

    def settled(self, event_id: str, *, org_id: str = "") -> Delivery:
        """Return an event's delivery, as soon as it is finished."""

        def finished() -> Delivery | None:
            found = self.look(lambda log: log.find(event_id, org_id=org_id))
            ended = [one for one in found if one.state in {State.SENT, State.SKIPPED, State.DEAD}]
            return ended[0] if ended else None

        told: Delivery = wait_until(finished, f"{event_id} has an outcome")
        return told

    def workers(self) -> list[int]:
        """Return the worker processes' ids."""
        found = processes_of(self.folder)
        return [pid for pid, line in found.items() if " dispatcher.worker " in line]

    def api(self) -> str:
        """Return the API's URL, as soon as it answers there."""
        told = wait_until(lambda: re.search(r"API +(http://\S+)", self.log()), "where the API is")
        wait_until(lambda: is_ready(told[1]), "the API is ready")
        url: str = told[1]
        return url

    def log(self) -> str:
        return self.printed.read_text(errors="replace")

    def script(self) -> str:
        """Return the producer that ``up`` shows, as it would be pasted."""
        _, _, after = self.log().partition(_INTRODUCTION)
        lines = after.lstrip("\n").split("\n\n")[0]
        return textwrap.dedent(lines)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does; return its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def up(folder: Path, *arguments: str, **settings: str) -> Iterator[System]:
    """Run ``dispatcher up`` on a data folder; whatever the test did, nothing of it stays."""
    # At a fixed port, systems of tests that run at the same time would share each other's calls.
    anywhere = {"http_bind": "127.0.0.1:0", "grpc_bind": "127.0.0.1:0"}
    env = environment(folder, **(anywhere | settings))
    printed = folder.parent / f"{folder.name}.out"
    with printed.open("wb") as out:
        process = subprocess.Popen(
            (sys.executable, "-m", "dispatcher", "up", *arguments),
            env=env,
            stdout=out,
            stderr=out,
        )
    try:
        yield _started(folder, env, process, printed)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=PATIENCE)
        for pid in processes_of(folder):
            _kill(pid)


def _started(
    folder: Path, env: dict[str, str], process: "subprocess.Popen[bytes]", printed: Path
) -> System:
    def introduced() -> bool:
        assert process.poll() is None, printed.read_text()
        return 'queue="notifications"' in printed.read_text(errors="replace")

    wait_until(introduced, "up says what to do")
    system = System(folder, env, process, printed, producer=Celery())
    return replace(system, producer=_shown_producer(system))


def _shown_producer(system: System) -> Celery:
    """Return the Celery app that the shown script makes, in the system's environment."""
    names: dict[str, Any] = {"os": SimpleNamespace(environ=system.env)}
    lines = system.script().splitlines()
    wanted = [line for line in lines if line != "import os" and "send_task" not in line]
    exec("\n".join(wanted), names)  # noqa: S102 - our own words, as a reader would paste them
    return names["app"]


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
