"""RabbitMQ: what a topic exchange hands out, such as that of Keycloak's listener.

Source: the README and EventMessageUtils of aznamier/keycloak-event-listener-rabbitmq.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import wait as wait_for
from threading import Event, Thread
from typing import Any, Final

from dispatcher.adapters.feeds.rabbitmq_place import Place, feed_errors
from dispatcher.connection import Connection
from dispatcher.errors import FeedUnavailable, MalformedEvent
from dispatcher.sources.fetching import Take
from dispatcher.sources.hook import Call
from dispatcher.sources.keycloak import ROUTING_KEY

_AT_ONCE: Final = 100
"""Messages that are on their way to the ledger at a time; the others wait at RabbitMQ."""

_IDLE: Final = 0.5
"""Seconds without a message after which we look whether to stop."""

_BUSY: Final = 0.02
"""Seconds without a message after which we look what is durable by now."""

_LAST_ACKS: Final = 3.0
"""Seconds that stopping waits for what is on its way to the ledger."""


class RabbitFeed:
    """Takes a queue's messages, on a thread of its own; workers are competing consumers.

    Args:
        connection: Whose options say where, and whose secret is the password.
    """

    is_for_one = False

    def __init__(self, connection: Connection) -> None:
        self._place = Place.of(connection)

    async def run(self, take: Take, stopping: asyncio.Event) -> None:
        """Hand on the queue's messages, and acknowledge them, until *stopping* is set."""
        loop = asyncio.get_running_loop()

        def bring(content: bytes, call: Call) -> Future[None]:
            return asyncio.run_coroutine_threadsafe(_taken(take, content, call), loop)

        consumer = _Consumer(self._place, bring)
        ended: asyncio.Future[None] = loop.create_future()

        def consume() -> None:
            try:
                consumer.run()
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                _call(loop, _fail, ended, error)
            else:
                _call(loop, _fail, ended, None)

        Thread(target=consume, name="rabbitmq-feed", daemon=True).start()
        stopped = asyncio.create_task(stopping.wait())
        either: list[asyncio.Future[Any]] = [ended, stopped]
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            consumer.stop()
            stopped.cancel()
        await ended


async def _taken(take: Take, content: bytes, call: Call) -> None:
    await take(content, call)


def _call(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *arguments: object) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(what, *arguments)


def _fail(ended: asyncio.Future[None], error: BaseException | None) -> None:
    if ended.done():
        return
    if error is None:
        ended.set_result(None)
    else:
        ended.set_exception(error)


class _Consumer:
    """One connection to RabbitMQ; all of it is for the thread that runs it, but for stop."""

    def __init__(self, place: Place, bring: Callable[[bytes, Call], Future[None]]) -> None:
        self._place, self._bring = place, bring
        self._stop = Event()
        self._on_their_way: dict[int, Future[None]] = {}

    def stop(self) -> None:
        """Ask the thread to take no more, and to acknowledge what is durable."""
        self._stop.set()

    def run(self) -> None:
        """Consume until asked to stop.

        Raises:
            FeedUnavailable: RabbitMQ is away, or does not let us.
        """
        try:
            with feed_errors(), self._place.connect() as connection:
                connection.connect()
                queue = self._place.prepare(connection)
                channel = connection.channel()
                channel.auto_decode = False
                channel.basic_qos(0, _AT_ONCE, a_global=False)
                tag = channel.basic_consume(queue, callback=self._receive, on_cancel=_cancelled)
                while not self._stop.is_set():
                    self._drain(connection)
                    self._settle(channel)
                channel.basic_cancel(tag)
                wait_for(self._on_their_way.values(), _LAST_ACKS)
                self._settle(channel)
        finally:
            # Without its channel, nobody can acknowledge it: it comes again.
            for future in self._on_their_way.values():
                future.cancel()

    def _drain(self, connection: Any) -> None:  # noqa: ANN401 - kombu ships no types
        connection.heartbeat_check()
        try:
            connection.drain_events(timeout=_BUSY if self._on_their_way else _IDLE)
        except TimeoutError:
            return

    def _receive(self, message: Any) -> None:  # noqa: ANN401 - amqp ships no types
        content = message.body if isinstance(message.body, bytes) else message.body.encode()
        headers = {
            ROUTING_KEY: str(message.delivery_info.get("routing_key") or ""),
            "content-type": str(message.properties.get("content_type") or ""),
        }
        self._on_their_way[message.delivery_tag] = self._bring(content, Call(content, headers))

    def _settle(self, channel: Any) -> None:  # noqa: ANN401 - amqp ships no types
        for tag in [tag for tag, future in self._on_their_way.items() if future.done()]:
            future = self._on_their_way.pop(tag)
            try:
                future.result()
            except MalformedEvent:
                pass  # told, counted, and never to be tried again
            except CancelledError:
                continue
            channel.basic_ack(tag)


def _cancelled(_tag: str) -> None:
    raise FeedUnavailable("the queue was deleted under us")
