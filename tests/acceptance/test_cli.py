"""The command line as its user meets it: real processes, a real Valkey, a relay that can refuse."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
import redis
from celery import Celery

from dispatcher.adapters.broker.quarantine import Quarantine
from dispatcher.adapters.standalone.valkey import EmbeddedValkey
from dispatcher.bootstrap import open_store
from dispatcher.delivery import Delivery, State
from dispatcher.settings import Settings
from tests.acceptance.system import (
    an_event,
    dispatcher,
    environment,
    processes_of,
    up,
    wait_until,
)
from tests.smtp_server import At, Rule, ScriptedRelay
from tests.valkey_owner import owned_elsewhere

pytestmark = pytest.mark.timeout(300)  # a test starts ten programs, each in a second or five

_ENDED: Final = {State.SENT, State.SKIPPED, State.DEAD}

NOBODY = Rule(At.RCPT, "550 5.1.1 no such user", recipient="nobody@")


class Installation:
    """A data folder with its Valkey running, and what is asked of it."""

    def __init__(self, folder: Path, valkey: EmbeddedValkey, **settings: str) -> None:
        self.folder = folder
        self.valkey = valkey
        self.env = environment(folder, **settings)

    def run(self, *arguments: str, code: int = 0) -> str:
        """Run a command that must end with *code*; return what it printed."""
        finished = dispatcher(*arguments, env=self.env)
        assert finished.returncode == code, finished.stderr
        assert "Traceback" not in finished.stderr
        return finished.stdout

    def ask(self, *arguments: str, code: int = 0) -> Any:
        """Return the one JSON document that a command prints."""
        return json.loads(self.run(*arguments, "--json", code=code))

    def backlog(self) -> int:
        """Return how many events wait."""
        with redis.Redis.from_url(self.valkey.redis_url) as client:
            return int(client.llen("notifications"))

    def ended(self, event_id: str, *, attempts: int = 0) -> Delivery:
        """Return the delivery of an event, once it has ended; a command would start too slowly."""

        async def find() -> Sequence[Delivery]:
            async with open_store(Settings(), self.valkey.redis_url) as store:
                return await store.ledger.find(event_id)

        def look() -> Delivery | None:
            ended = (one for one in asyncio.run(find()) if one.state in _ENDED)
            return next((one for one in ended if one.attempts >= attempts), None)

        delivery: Delivery = wait_until(look, f"{event_id} has an outcome")
        return delivery


@pytest.fixture
def relay() -> Iterator[ScriptedRelay]:
    with ScriptedRelay(NOBODY) as relay:
        yield relay


@pytest.fixture
def here(tmp_path: Path, relay: ScriptedRelay) -> Iterator[Installation]:
    folder = tmp_path / "data"
    valkey = EmbeddedValkey(folder / "valkey")
    valkey.start()
    try:
        yield Installation(
            folder,
            valkey,
            smtp_url=f"smtp://127.0.0.1:{relay.port}?tls=none",
            mail_from="Acme <no-reply@acme.example>",
        )
    finally:
        valkey.stop()
    assert processes_of(folder) == {}


@contextmanager
def working(
    here: Installation, *arguments: str, stop: signal.Signals = signal.SIGTERM
) -> Iterator[None]:
    """Run ``dispatcher worker``; it must stop in order when it is told to."""
    log = here.folder / "worker.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            (sys.executable, "-m", "dispatcher", "worker", *arguments),
            env=here.env,
            stdout=out,
            stderr=out,
        )
    try:
        yield
        process.send_signal(stop)
        assert process.wait(timeout=30) == 0, log.read_text()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait(timeout=30)


def workers(here: Installation) -> set[int]:
    """Return the worker processes' ids."""
    return {pid for pid, line in processes_of(here.folder).items() if " dispatcher.worker " in line}


def put_aside(here: Installation) -> list[str]:
    """Return what is in quarantine, as commands call it; a command would start too slowly."""
    with redis.Redis.from_url(here.valkey.redis_url) as client:
        return [f"quarantine:{one.id}" for one in Quarantine(client).list()]


def test_what_one_command_writes_the_next_one_reads_without_any_server(tmp_path: Path) -> None:
    env = environment(tmp_path / "data")
    assert dispatcher("policy", "set", "acme", "on", env=env).returncode == 0
    told = dispatcher("policy", "get", "acme", env=env)
    assert told.stdout.startswith("People of acme are told"), told.stderr
    assert processes_of(tmp_path) == {}


def test_an_event_is_followed_from_the_producer_to_its_end(
    here: Installation, relay: ScriptedRelay
) -> None:
    here.run("policy", "set", "acme", "on")
    here.run("policy", "default", "set", "off")
    with working(here, "--concurrency", "8"):
        here.run("send", "--org", "acme", "--email", "ada@example.org", "--id", "told")
        here.run("send", "--org", "globex", "--email", "bob@example.org", "--id", "not-told")
        here.ended("told")
        here.ended("not-told")
    assert relay.accepted == 1
    (sent,) = here.ask("why", "told")["deliveries"]
    assert sent["policy"] == {"owner": "acme", "sequence": 1}
    assert [one["code"] for one in sent["history"]] == [250]
    assert "dispatcher policy set globex on" in here.run("why", "not-told")
    assert "2 accepted = 1 sent + 1 skipped + 0 dead + 0 open" in here.run("deliveries")


def test_a_dead_letter_is_found_mended_and_sent_again(
    here: Installation, relay: ScriptedRelay
) -> None:
    here.run("policy", "set", "acme", "on")
    with working(here):
        here.run("send", "--org", "acme", "--email", "nobody@example.org", "--id", "refused")
        assert here.ended("refused").reason == "rejected_recipient"
        shown = here.run("dead", "show", "refused")
        assert "n•••@example.org" in shown
        assert "nobody" not in shown
        here.run("dead", "resend", "refused")
        here.ended("refused", attempts=2)
    assert relay.commands[At.RCPT] == 2
    here.run("dead", "drop", "refused", "--yes")
    nothing: dict[str, object] = {"dead_letters": [], "quarantine": [], "unlisted": {}}
    assert here.ask("dead", "list") == nothing
    assert here.ask("deliveries")["totals"]["dead"] == 1


def test_a_worker_process_that_is_killed_is_replaced_and_ctrl_c_stops_all(
    here: Installation,
) -> None:
    with working(here, "--processes", "2", stop=signal.SIGINT):
        before = wait_until(lambda: len(found := workers(here)) == 2 and found, "two workers run")
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: len(workers(here) - {victim}) == 2, "two run again")


def test_ctrl_c_ends_a_single_worker_in_order_too(here: Installation) -> None:
    with working(here, stop=signal.SIGINT):
        here.run("send", "--org", "acme", "--email", "ada@example.org", "--id", "one")
        here.ended("one")


def test_a_worker_that_is_killed_is_replaced_and_its_log_stays_json(here: Installation) -> None:
    with working(here):
        (victim,) = wait_until(lambda: workers(here), "a worker runs")
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: workers(here) - {victim}, "another one runs")
        here.run("send", "--org", "acme", "--email", "ada@example.org", "--id", "one")
        here.ended("one")
    logged = (here.folder / "worker.log").read_text().splitlines()
    assert [json.loads(line)["event_id"] for line in logged if '"one"' in line] == ["one"]


def test_what_cannot_be_run_is_put_aside_seen_and_dropped(here: Installation) -> None:
    with redis.Redis.from_url(here.valkey.redis_url) as client, working(here):
        client.lpush("notifications", b"ada@example.org \x1b[31m garbage")
        (first,) = wait_until(lambda: put_aside(here), "the garbage is put aside")
        (listed,) = here.ask("dead", "list")["quarantine"]
        assert (listed["id"], listed["reason"]) == (first, "not_json")
        assert "ada" not in here.run("dead", "show", first)
        here.run("dead", "resend", first)
        (again,) = wait_until(lambda: put_aside(here), "it comes back")
        assert again != first
    here.run("dead", "drop", again, "--yes")
    assert put_aside(here) == []


def test_why_finds_a_message_that_could_not_be_run(here: Installation) -> None:
    event = {"id": "evt", "org_id": "acme", "user": {"id": "u"}}
    producer = Celery(broker=here.valkey.url)
    with working(here):
        producer.send_task("unknown.task", [event], task_id="message", queue="notifications")
        (name,) = wait_until(lambda: put_aside(here), "the message is put aside")
    producer.close()
    for wanted in ("evt", "message"):
        (held,) = here.ask("why", wanted, code=1)["quarantine"]
        assert (held["id"], held["reason"]) == (name, "unknown_task")


def test_dead_letters_are_exported_with_their_history(here: Installation, tmp_path: Path) -> None:
    here.run("policy", "set", "acme", "on")
    with working(here):
        here.run("send", "--org", "acme", "--email", "nobody@example.org", "--id", "refused")
        here.ended("refused")
    file = tmp_path / "dead.jsonl"
    here.run("dead", "export", str(file))
    (line,) = file.read_text().splitlines()
    letter = json.loads(line)
    assert letter["event"]["user"]["email"] == "n•••@example.org"
    assert [one["code"] for one in letter["history"]] == [550]


def test_up_goes_on_when_a_command_that_started_its_valkey_ends(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    with owned_elsewhere(folder / "valkey") as let_end, up(folder) as system:
        assert "another process runs this folder's Valkey" in system.log()
        let_end()
        wait_until(lambda: "Valkey serves again" in system.log(), "it is taken over")
        system.update_policy("acme", {"passwordChange": True})
        system.publish(an_event("after"))
        wait_until(lambda: system.mails_to("after@acme.example"), "the mail is there")
        assert system.interrupt() == 0
    assert processes_of(folder) == {}


def test_ctrl_c_while_sending_stops_in_order_and_tells_what_was_published(
    here: Installation, tmp_path: Path
) -> None:
    file = tmp_path / "many.jsonl"
    event = {"org_id": "acme", "user": {"id": "u"}}
    file.write_text("\n".join(json.dumps(event) for _ in range(20_000)))
    process = subprocess.Popen(
        (sys.executable, "-m", "dispatcher", "send", "--file", str(file), "--json"),
        env=here.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(here.backlog, "events arrive")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    told = json.loads(out)
    assert told["interrupted"] is True
    assert told["published"] == here.backlog() == len(told["events"]) < 20_000
    assert f"{told['published']} of 20000 events were published." in err


def test_no_address_travels_outside_the_body_of_a_message(here: Installation) -> None:
    here.run("send", "--org", "acme", "--email", "ada@example.org")
    with redis.Redis.from_url(here.valkey.redis_url) as client:
        (raw,) = client.lrange("notifications", 0, -1)
    message = json.loads(raw)
    message.pop("body")
    assert "example.org" not in json.dumps(message)


@pytest.mark.parametrize(
    "command",
    [
        ("send", "--org", "acme", "--email", "ada@example.org"),
        ("policy", "get", "acme"),
        ("deliveries",),
    ],
    ids=" ".join,
)
def test_a_broker_or_store_that_is_away_is_told_in_words(
    tmp_path: Path, command: tuple[str, ...]
) -> None:
    with socket.socket() as bound:  # bound and not listening: whoever connects is refused
        bound.bind(("127.0.0.1", 0))
        url = f"redis://:secret-password@127.0.0.1:{bound.getsockname()[1]}/0"
        finished = dispatcher(*command, env=environment(tmp_path, broker_url=url))
    assert finished.returncode == 3, finished.stderr
    assert "dispatcher doctor" in finished.stderr
    assert "Traceback" not in finished.stderr
    assert "secret-password" not in finished.stderr + finished.stdout
