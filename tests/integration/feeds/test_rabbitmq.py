"""A real RabbitMQ: what Keycloak's listener publishes is acknowledged once it is taken."""

import asyncio
from collections.abc import Iterator
from contextlib import suppress

import pytest
from kombu import Connection as RabbitConnection

from dispatcher.adapters.feeds.rabbitmq import RabbitFeed
from dispatcher.connection import Connection
from dispatcher.errors import FeedUnavailable
from tests.acceptance import rabbitmq_node
from tests.acceptance.rabbitmq_node import Node, PortMapper
from tests.integration.feeds.takes import Taker, running, until

pytestmark = [
    pytest.mark.rabbitmq,
    pytest.mark.skipif(not rabbitmq_node.is_installed(), reason="rabbitmq-server is not installed"),
]

CHANGE = "KK.EVENT.CLIENT.acme.SUCCESS.account-console.UPDATE_PASSWORD"
LOGIN = "KK.EVENT.CLIENT.acme.SUCCESS.account-console.LOGIN"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    with PortMapper(tmp_path_factory.mktemp("rabbitmq")) as mapper, Node(mapper) as running_node:
        yield running_node


def a_connection(node: Node, name: str, password: str = "guest") -> Connection:  # noqa: S107 - RabbitMQ's own
    url = node.url.replace(":guest@", "@").removesuffix("//") + "/%2F"
    return Connection(name, "keycloak", secrets=(password,), options={"amqp_url": url})


def publish(node: Node, *bodies: bytes, key: str = CHANGE) -> None:
    with RabbitConnection(node.url) as connection, connection.channel() as channel:
        for body in bodies:
            message = channel.prepare_message(
                body, content_type="application/json", content_encoding="UTF-8"
            )
            channel.basic_publish(message, "amq.topic", key)


def left(node: Node, name: str) -> int:
    """Return how many messages are in a queue, acknowledged ones not among them."""
    with RabbitConnection(node.url) as connection, connection.channel() as channel:
        return int(channel.queue_declare(f"dispatcher.{name}", passive=True).message_count)


def is_bound(node: Node, name: str) -> bool:
    return node.control("list_bindings", "destination_name").split().count(f"dispatcher.{name}") > 5


async def bound(node: Node, name: str) -> None:
    await until(lambda: is_bound(node, name), "the queue is bound")


async def insisting(connection: Connection, taker: Taker) -> None:
    """Run a feed as often as it breaks."""
    while True:
        with suppress(FeedUnavailable):
            await RabbitFeed(connection).run(taker.take, asyncio.Event())


def test_changes_are_taken_and_nothing_else(node: Node) -> None:
    async def story() -> None:
        taker = Taker()
        async with running(RabbitFeed(a_connection(node, "one")), taker):
            await bound(node, "one")
            publish(node, b"a login", key=LOGIN)
            publish(node, b"poison", "größer".encode(), b"a change")
            await until(lambda: len(taker.calls) == 2, "what can be read")
        assert sorted(taker.contents) == [b"a change", "größer".encode()]
        assert {call.header("routing-key") for call in taker.calls} == {CHANGE}

    asyncio.run(story())
    assert left(node, "one") == 0


def test_what_is_not_durable_when_a_worker_stops_comes_again(node: Node) -> None:
    async def story() -> None:
        first, second = Taker(), Taker()
        first.is_open.clear()
        async with running(RabbitFeed(a_connection(node, "again")), first):
            await bound(node, "again")
            publish(node, b"a change")
            await until(lambda: first.waiting, "it is on its way")
        assert not first.calls
        async with running(RabbitFeed(a_connection(node, "again")), second):
            await until(lambda: second.contents == [b"a change"], "it is there again")

    asyncio.run(story())
    assert left(node, "again") == 0


def test_workers_compete(node: Node) -> None:
    async def story() -> None:
        takers = Taker(), Taker()
        async with (
            running(RabbitFeed(a_connection(node, "both")), takers[0]),
            running(RabbitFeed(a_connection(node, "both")), takers[1]),
        ):
            await bound(node, "both")
            publish(node, *(str(number).encode() for number in range(300)))
            await until(lambda: sum(len(each.calls) for each in takers) >= 300, "all are taken")
        every = [content for each in takers for content in each.contents]
        assert len(every) == len(set(every)) == 300
        assert all(each.calls for each in takers)

    asyncio.run(story())


def test_a_wrong_password_is_told_and_not_repeated(node: Node) -> None:
    feed = RabbitFeed(a_connection(node, "wrong", password="hunter2"))
    with pytest.raises(FeedUnavailable) as raised:
        asyncio.run(feed.run(Taker().take, asyncio.Event()))
    assert "refused" in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_connection_that_is_cut_is_told_and_nothing_is_lost(node: Node) -> None:
    async def story() -> None:
        taker = Taker()
        connection = a_connection(node, "away")
        task = asyncio.create_task(RabbitFeed(connection).run(taker.take, asyncio.Event()))
        await bound(node, "away")
        taker.is_open.clear()
        publish(node, b"a change")
        await until(lambda: taker.waiting, "it is on its way")
        await asyncio.to_thread(node.control, "close_all_connections", "cut by the test")
        with pytest.raises(FeedUnavailable):
            await asyncio.wait_for(task, 20)
        taker.is_open.set()
        again = asyncio.create_task(insisting(connection, taker))
        await until(lambda: taker.contents == [b"a change"], "it is there again", within=60)
        again.cancel()

    asyncio.run(story())
