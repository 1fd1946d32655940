"""Each role of the stack's Valkey may do its work, and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from redis.exceptions import AuthenticationError, ResponseError

from tests.acceptance.stack_valkey import StackValkey, passwords, running
from tests.builders import a_raw_event


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StackValkey]:
    with running(tmp_path_factory.mktemp("valkey"), passwords()) as started:
        yield started


@pytest.fixture
def valkey(server: StackValkey) -> StackValkey:
    """Return the server, empty, with nothing refused yet."""
    with server.client("admin") as admin:
        admin.flushall()
        admin.acl_log_reset()
    return server


def _producer(valkey: StackValkey) -> Celery:
    """Return what any producer has: Celery, an address, nothing of ours."""
    return Celery(
        "anybody",
        broker=valkey.url(f"redis://producer:{passwords()['producer']}@valkey:6379/0"),
        set_as_current=False,
    )


def test_a_producer_publishes_with_plain_celery(valkey: StackValkey) -> None:
    with _producer(valkey) as app:
        app.send_task("dispatcher.password_changed", [a_raw_event()], queue="notifications")
        app.send_task(
            "dispatcher.update_notification_policy",
            ["acme", {"passwordChange": True}],
            queue="policies",
        )

    with valkey.client("worker") as worker:
        taken = [worker.brpop([queue], timeout=5) for queue in ("notifications", "policies")]
    tasks = [json.loads(item[1])["headers"]["task"] for item in taken if item]
    assert tasks == ["dispatcher.password_changed", "dispatcher.update_notification_policy"]
    assert valkey.denials() == []


def test_a_producer_reads_the_result_of_its_update(valkey: StackValkey) -> None:
    with valkey.client("worker") as worker, valkey.client("producer") as producer:
        worker.set("celery-task-meta-1", "{}")
        with producer.pubsub() as waiting:
            waiting.subscribe("celery-task-meta-1")
            confirmed = waiting.get_message(timeout=5)

            assert confirmed
            assert confirmed["type"] == "subscribe"
        assert producer.get("celery-task-meta-1") == b"{}"


@pytest.mark.parametrize(
    "command",
    [
        "BRPOP notifications 1",
        "RPOP notifications",
        "LRANGE notifications 0 -1",
        "LPUSH nd:due x",
        "LPUSH unacked x",
        "HGETALL unacked",
        "GET nd:n",
        "GET notifications",
        "SET celery-task-meta-1 forged",
        "DEL notifications",
        "KEYS *",
        "SCAN 0",
        "EVAL return 0",
        "SUBSCRIBE /0.celeryev/worker.heartbeat",
        "PUBLISH /0.celery.pidbox shutdown",
        "CONFIG GET *",
        "ACL LIST",
        "MONITOR",
        "FLUSHALL",
        "SHUTDOWN",
    ],
)
def test_a_producer_neither_reads_takes_nor_changes_anything(
    valkey: StackValkey, command: str
) -> None:
    _refuses(valkey, "producer", command)


@pytest.mark.parametrize(
    "command",
    [
        "LPUSH notifications x",
        "LRANGE notifications 0 -1",
        "BRPOP notifications 1",
        "DEL policies",
        "GET celery-task-meta-1",
        "GET nd:n",
        "CONFIG GET *",
        "FLUSHALL",
    ],
)
def test_a_monitor_neither_reads_nor_changes_an_event(valkey: StackValkey, command: str) -> None:
    _refuses(valkey, "monitor", command)


@pytest.mark.parametrize(
    "command",
    [
        "SET another:application x",
        "KEYS *",
        "SCRIPT FLUSH",
        "FUNCTION FLUSH",
        "CONFIG SET appendonly no",
        "ACL LIST",
        "FLUSHALL",
        "FLUSHDB",
        "SWAPDB 0 1",
        "SHUTDOWN",
    ],
)
def test_a_worker_neither_administers_nor_touches_what_is_not_its_own(
    valkey: StackValkey, command: str
) -> None:
    _refuses(valkey, "worker", command)


@pytest.mark.parametrize(
    "command",
    [
        "GET nd:secret",
        "GET nd:sender:acme",
        "SMEMBERS nd:senders",
        "DEL nd:suppressed:*:x",
        "HGETALL nd:quarantine",
        "SET nd:token:forged x",
        "SET nd:worker:forged x",
        "ZADD nd:workers 1 forged",
        "HINCRBY nd:tally::h1 0:sent 1",
        "DEL nd:token:x",
        "SADD nd:tokens x",
        "SET nd:connection:forged x",
        "DEL nd:connection:x",
        "SADD nd:connections x",
        "BRPOP notifications 1",
        "LRANGE notifications 0 -1",
        "DEL notifications",
        "LTRIM notifications 1 0",
        "LPUSH policies x",
        "HGETALL unacked",
        "GET celery-task-meta-1",
        "SUBSCRIBE /0.celeryev/worker.heartbeat",
        "PUBLISH /0.celery.pidbox shutdown",
        "SET another:application x",
        "EVAL return(redis.call('GET','nd:secret')) 0",
        "EVAL return(redis.call('DEL','notifications')) 0",
        "SCRIPT FLUSH",
        "KEYS *",
        "SCAN 0",
        "RANDOMKEY",
        "CONFIG GET *",
        "ACL LIST",
        "MONITOR",
        "FLUSHALL",
        "FLUSHDB",
        "SHUTDOWN",
    ],
)
def test_the_api_neither_takes_events_nor_reads_secrets_nor_makes_tokens_nor_connections(
    valkey: StackValkey, command: str
) -> None:
    _refuses(valkey, "api", command)


def _refuses(valkey: StackValkey, role: str, command: str) -> None:
    # A script of the role's tells the refusal as its own error.
    denied = r"(?i)no permissions|can't run this command|can't access"
    with valkey.client(role) as client, pytest.raises(ResponseError, match=denied):
        client.execute_command(*command.split())


def test_nobody_gets_in_without_a_name(valkey: StackValkey) -> None:
    with valkey.connection() as anonymous, pytest.raises(AuthenticationError):
        anonymous.ping()


def test_a_role_whose_password_was_forgotten_stays_shut(tmp_path: Path) -> None:
    with (
        running(tmp_path, {"admin": passwords()["admin"]}) as valkey,
        valkey.client("worker") as worker,
        pytest.raises(AuthenticationError),
    ):
        worker.ping()


def test_no_password_is_left_where_the_server_runs(valkey: StackValkey) -> None:
    process = Path("/proc") / str(valkey.pid)
    left = [
        valkey.acl_file.read_text(),
        (process / "cmdline").read_text(),
        (process / "environ").read_text(),
        (valkey.folder / "server.log").read_text(),
    ]

    assert not [secret for secret in passwords().values() for text in left if secret in text]
    assert valkey.acl_file.stat().st_mode & 0o077 == 0


def test_public_passwords_are_warned_of(valkey: StackValkey) -> None:
    warned = (valkey.folder / "server.log").read_text()

    assert all(f"{role} uses the development password" in warned for role in passwords())


def test_the_server_keeps_every_accepted_event(valkey: StackValkey) -> None:
    with valkey.client("admin") as admin:
        settings = admin.config_get("appendonly", "appendfsync", "maxmemory-policy")

    assert settings == {
        "appendonly": "yes",
        "appendfsync": "always",
        "maxmemory-policy": "noeviction",
    }
