"""Events that workers fetch, from a stream and from RabbitMQ: one mail each, whoever is killed."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from kombu import Connection as RabbitConnection
from redis import Redis

from tests.acceptance import rabbitmq_node
from tests.acceptance.rabbitmq_node import Node, PortMapper
from tests.acceptance.system import System, an_event, dispatcher, processes_of, up, wait_until

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
STREAM, GROUP = "iam:events", "dispatcher"
ROUTING = "KK.EVENT.CLIENT.acme.SUCCESS.account.UPDATE_PASSWORD"
LONG_AGO = 3_600_000
"""Milliseconds."""


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    folder = tmp_path_factory.mktemp("feeds") / "var"
    with up(folder, default_password_change="true", encryption_keys=KEY) as running:
        url = f"unix://{running.folder / 'valkey' / 'valkey.sock'}"
        add(running, "stream", "token", f"stream_url={url}", f"stream={STREAM}")
        yield running


@pytest.fixture(scope="module")
def stream(system: System) -> Iterator["Redis"]:
    socket = system.folder / "valkey" / "valkey.sock"
    with Redis.from_url(f"unix://{socket}") as client:
        wait_until(lambda: client.exists(STREAM), "a worker joined the group")
        yield client


def add(system: System, name: str, kind: str, *options: str, secret: Path | None = None) -> None:
    said = [part for option in options for part in ("--option", option)]
    said += ["--secret-file", str(secret)] if secret else []
    command = ("connection", "add", name, "--kind", kind, "--org", "acme", *said)
    added = dispatcher(*command, env=system.env)
    assert added.returncode == 0, added.stderr


def put(stream: "Redis", *names: str) -> None:
    for name in names:
        stream.xadd(STREAM, {"event": json.dumps(an_event(name))})


def kill_the_worker(system: System) -> None:
    """Kill -9; ``up`` starts another one."""
    killed = system.workers()
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: set(system.workers()) - set(killed), "there is another one")


def pending(stream: "Redis") -> int:
    found: Any = stream.xpending(STREAM, GROUP)
    return int(found["pending"])


def let_the_dead_be_long_dead(stream: "Redis") -> None:
    """Let entries have been taken an hour ago: nobody shall wait for that minute here."""
    found: Any = stream.xpending_range(STREAM, GROUP, "-", "+", 1_000)
    for entry in found:
        stream.xclaim(
            *(STREAM, GROUP, entry["consumer"], 0, [entry["message_id"]]),
            idle=LONG_AGO,
            justid=True,
        )


def told_once(system: System, names: Sequence[str]) -> None:
    for name in names:
        assert system.settled(name).state == "sent"
        wait_until(partial(system.mails_to, f"{name}@acme.example"), "the mail is there")
        assert len(system.mails_to(f"{name}@acme.example")) == 1


def test_an_entry_becomes_a_mail_and_is_acknowledged(system: System, stream: "Redis") -> None:
    put(stream, "entry-1")
    told_once(system, ["entry-1"])
    wait_until(lambda: not pending(stream), "it is acknowledged")


def test_entries_that_come_again_make_no_second_mail(system: System, stream: "Redis") -> None:
    put(stream, "twice-1")
    told_once(system, ["twice-1"])
    stream.xgroup_setid(STREAM, GROUP, "0")
    put(stream, "behind-it")
    told_once(system, ["behind-it"])
    told_once(system, ["twice-1"])


def test_poison_holds_up_nothing(system: System, stream: "Redis") -> None:
    stream.xadd(STREAM, {"event": '{"password": "hunter2"'})
    stream.xadd(STREAM, {"something": "else"})
    put(stream, "behind-poison")
    told_once(system, ["behind-poison"])
    wait_until(lambda: not pending(stream), "all of it is acknowledged")
    assert "hunter2" not in system.log()


def test_a_worker_that_is_killed_loses_and_repeats_nothing(system: System, stream: "Redis") -> None:
    names = [f"killed-{number}" for number in range(60)]
    put(stream, *names[:30])
    kill_the_worker(system)
    put(stream, *names[30:])
    let_the_dead_be_long_dead(stream)
    told_once(system, names)
    wait_until(lambda: not pending(stream), "all of it is acknowledged")


def test_nobody_may_call_what_is_fetched(system: System) -> None:
    answer = httpx.post(f"{system.api()}/hooks/stream", json=an_event("called"), trust_env=False)
    assert answer.status_code == 401


def test_a_connection_that_is_removed_is_fetched_no_more(system: System, stream: "Redis") -> None:
    def is_there() -> int:
        found: Any = stream.xinfo_consumers("iam:other", GROUP)
        return len(found)

    url = f"unix://{system.folder / 'valkey' / 'valkey.sock'}"
    add(system, "other", "token", f"stream_url={url}", "stream=iam:other")
    wait_until(lambda: stream.exists("iam:other"), "a worker joined the group")
    stream.xadd("iam:other", {"event": json.dumps(an_event("other-1"))})
    told_once(system, ["other-1"])
    assert is_there()
    assert dispatcher("connection", "remove", "other", "--yes", env=system.env).returncode == 0
    wait_until(lambda: not is_there(), "the worker left the group")


@pytest.mark.rabbitmq
@pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed")
def test_a_message_that_a_killed_worker_had_taken_is_one_mail(
    system: System, tmp_path: Path
) -> None:
    secret = tmp_path / "password"
    secret.write_text("guest")
    event = an_event("routed-1")
    with PortMapper(tmp_path) as mapper, Node(mapper) as node:
        url = node.url.replace(":guest@", "@").removesuffix("//") + "/%2F"
        add(system, "rabbit", "token", f"amqp_url={url}", f"routing={ROUTING}", secret=secret)
        wait_until(lambda: "dispatcher.rabbit" in node.control("list_bindings"), "it is bound")
        [store] = [
            pid for pid, line in processes_of(system.folder).items() if "valkey-server" in line
        ]
        os.kill(store, signal.SIGSTOP)
        try:
            with RabbitConnection(node.url) as connection, connection.channel() as channel:
                message = channel.prepare_message(json.dumps(event).encode())
                channel.basic_publish(message, "amq.topic", ROUTING)
            wait_until(lambda: unacknowledged(node) == 1, "a worker took it")
            kill_the_worker(system)
        finally:
            os.kill(store, signal.SIGCONT)
        told_once(system, ["routed-1"])
        wait_until(lambda: unacknowledged(node) == 0, "it is acknowledged")


def unacknowledged(node: Node) -> int:
    columns = ("name", "messages_unacknowledged", "--no-table-headers")
    listed = node.control("list_queues", *columns).splitlines()
    return {name: int(count) for name, count in (line.split("\t") for line in listed)}[
        "dispatcher.rabbit"
    ]
