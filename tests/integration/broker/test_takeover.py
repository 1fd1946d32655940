"""Stock workers and ours on the same keys: either can go on where the other stopped."""

from typing import Any

import pytest
from celery import Celery

from tests.integration.broker.link import Link, link
from tests.integration.broker.processes import Broker


def publish(producer: Celery, *names: Any, **options: Any) -> None:
    for name in names:
        producer.send_task("record", args=[name], queue="notifications", **options)


def vanish(consumer: Link) -> None:
    """End as a killed process does: nothing is given back."""
    for client in ("client", "taking_client"):
        held = consumer.channel.__dict__.get(client)
        if held is not None and held.connection is not None:
            held.connection.disconnect()
    keeper = consumer.channel.__dict__.get("keeper")
    if keeper is not None:
        keeper.stop(5)
    consumer.channel.qos._delivered.clear()


def make_older(broker: Broker, seconds: float) -> None:
    for tag in broker.client.hkeys("unacked"):
        broker.client.zincrby("unacked_index", -seconds, tag)


def sweep(consumer: Link) -> None:
    consumer.channel.keeper._keep(consumer.channel.open_client(), sweeps=True)


def test_a_stock_worker_takes_our_queue_and_what_a_dead_one_of_ours_held(
    broker: Broker, producer: Celery
) -> None:
    publish(producer, *range(5))
    with link(broker.url, credit=2) as ours:
        assert ours.receive(2) == [0, 1]
        vanish(ours)
    assert (broker.queued(), broker.held()) == (3, 2)
    make_older(broker, 100)

    with link(broker.url, stock=True, visibility_timeout=60) as stock:
        stock.channel.qos.restore_visible(interval=1)
        assert sorted(stock.receive(5)) == [0, 1, 2, 3, 4]
        for message in stock.messages:
            message.ack()
    assert (broker.queued(), broker.held(), broker.client.zcard("unacked_index")) == (0, 0, 0)


def test_ours_takes_a_stock_queue_and_after_kombu_s_hour_what_a_dead_one_held(
    broker: Broker, producer: Celery
) -> None:
    publish(producer, *range(4))
    with link(broker.url, stock=True, credit=2) as stock:
        stock.receive(2)
        vanish(stock)
    with link(broker.url) as ours:
        assert ours.receive(2) == [2, 3]
        make_older(broker, 100)
        sweep(ours)
        assert broker.queued() == 0, "it may still be at work"
        make_older(broker, 3600)
        ours.channel.keeper._keep(ours.channel.open_client(), sweeps=False)
        sweep(ours)
        assert sorted(ours.receive(4)[2:]) == [0, 1]


def test_what_is_given_back_keeps_its_order(broker: Broker, producer: Celery) -> None:
    publish(producer, *range(30))
    with link(broker.url, credit=10) as ours:
        assert ours.receive(10) == list(range(10))
    with link(broker.url, credit=20) as ours:
        assert ours.receive(20) == list(range(20))
        vanish(ours)
    make_older(broker, 100)
    with link(broker.url, credit=1) as sweeper:
        sweeper.receive(1)
        sweep(sweeper)
    with link(broker.url, credit=30) as ours:
        got = ours.receive(30)
    # What the sweeper took before it swept comes back in front of the others.
    assert [name for name in got if name != 20] == [name for name in range(30) if name != 20]


def test_urgent_messages_overtake_others_and_come_back_as_urgent(
    broker: Broker, producer: Celery
) -> None:
    for name, priority in (("late", 9), ("normal", 0), ("middle", 3), ("odd", 5)):
        publish(producer, name, priority=priority)
    order = ["normal", "middle", "odd", "late"]
    for _ in range(2):
        with link(broker.url) as ours:
            assert ours.receive(4) == order
    with link(broker.url, stock=True) as stock:
        assert stock.receive(4) == order


@pytest.mark.parametrize("stock", [False, True])
def test_no_message_is_taken_beyond_the_credit(
    broker: Broker,
    producer: Celery,
    stock: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    publish(producer, *range(9))
    with link(broker.url, credit=3, stock=stock) as consumer:
        consumer.receive(3)
        consumer.turn()
        assert (broker.queued(), broker.held()) == (6, 3)
        consumer.messages[0].ack()
        consumer.receive(4)
        assert broker.held() <= 4


def test_an_in_flight_entry_that_lost_its_index_comes_back(
    broker: Broker, producer: Celery
) -> None:
    publish(producer, "orphan")
    with link(broker.url) as ours:
        ours.receive(1)
        vanish(ours)
    broker.client.delete("unacked_index")
    with link(broker.url, lease=1.0) as ours:
        ours.turn()
        sweep(ours)
        assert broker.client.zcard("unacked_index") == 1
        make_older(broker, 100)
        sweep(ours)
        assert ours.receive(1) == ["orphan"]
        ours.messages[0].ack()
        ours.until(lambda: broker.held() == 0, "settled")
