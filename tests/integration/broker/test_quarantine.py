"""What was put aside: shown, dropped, put back, and bounded."""

import pytest
from celery import Celery
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from dispatcher.adapters.broker.quarantine import Quarantine
from dispatcher.errors import StoreUnavailable
from tests.integration.broker.link import link
from tests.integration.broker.processes import Broker


@pytest.fixture
def quarantine(broker: Broker) -> Quarantine:
    return Quarantine(broker.client)


def put_aside(broker: Broker, quarantine: Quarantine, *raws: str | bytes) -> None:
    """Have messages taken that are no task."""

    def total() -> int:
        return len(quarantine) + sum(quarantine.unlisted().values())

    before = total()
    with link(broker.url) as ours:
        broker.client.lpush("notifications", *raws)
        ours.until(lambda: total() == before + len(raws), "put aside")
    assert broker.held() == 0


def test_a_message_is_shown_with_reason_queue_and_bytes(
    broker: Broker, quarantine: Quarantine
) -> None:
    put_aside(broker, quarantine, "{}", "not json")
    first, second = quarantine.list()
    assert {first.reason, second.reason} == {"no_envelope", "not_json"}
    assert {first.raw, second.raw} == {b"{}", b"not json"}
    assert first.queue == "notifications"
    assert first.is_whole
    assert quarantine.show(first.id) == first
    assert quarantine.show("other") is None


def test_a_dropped_message_is_gone(broker: Broker, quarantine: Quarantine) -> None:
    put_aside(broker, quarantine, "x")
    (item,) = quarantine.list()
    assert quarantine.drop(item.id)
    assert not quarantine.drop(item.id)
    assert (len(quarantine), list(quarantine.list())) == (0, [])
    assert broker.client.hget("nd:quarantine_totals", "bytes") == b"0"


def test_a_message_put_back_is_taken_again(
    broker: Broker, quarantine: Quarantine, producer: Celery
) -> None:
    producer.send_task("later", args=["m"], queue="notifications")
    with link(broker.url, task_names=["record"]) as ours:
        ours.until(lambda: len(quarantine) == 1, "put aside")
    (item,) = quarantine.list()
    assert item.reason == "unknown_task"
    assert quarantine.requeue(item.id)
    assert not quarantine.requeue(item.id)
    with link(broker.url) as ours:
        assert ours.receive(1) == ["m"]


def test_what_was_not_kept_whole_is_not_put_back(broker: Broker, quarantine: Quarantine) -> None:
    put_aside(broker, quarantine, b"x" * 70_000, b"y" * 300_000)
    kept = {item.reason: item for item in quarantine.list()}
    assert {reason: len(item.raw) for reason, item in kept.items()} == {
        "not_json": 65_536,
        "too_large": 65_536,
    }
    for item in kept.values():
        assert not item.is_whole
        assert not quarantine.requeue(item.id)
    assert len(quarantine) == 2


def test_beyond_64_mib_messages_are_listed_without_their_bytes(
    broker: Broker, quarantine: Quarantine
) -> None:
    broker.client.hset("nd:quarantine_totals", "bytes", 64 * 1024 * 1024 - 3)
    put_aside(broker, quarantine, "fifth")
    (item,) = quarantine.list()
    assert (item.raw, item.is_whole, item.reason) == (b"fif", False, "not_json")


def test_beyond_10_000_messages_are_only_counted_by_reason(
    broker: Broker, quarantine: Quarantine
) -> None:
    filler = {f"old{number}": '{"reason":"x","queue":"","size":0}\n' for number in range(9_999)}
    broker.client.hset("nd:quarantine", mapping=filler)  # type: ignore[arg-type]  # str is a key
    put_aside(broker, quarantine, "a", "b", "{}", b"z" * 300_000)
    assert len(quarantine) == 10_000
    assert sum(quarantine.unlisted().values()) == 3
    assert set(quarantine.unlisted()) <= {"not_json", "no_envelope", "too_large"}


def test_a_broker_that_is_away_is_said_to_be(broker: Broker) -> None:
    broker.kill()
    client = Redis(unix_socket_path=broker.socket, retry=Retry(NoBackoff(), 0))
    with client, pytest.raises(StoreUnavailable):
        len(Quarantine(client))
