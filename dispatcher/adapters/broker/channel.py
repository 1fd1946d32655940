"""kombu's Redis channel, with messages taken and settled in batches."""

import logging
from collections.abc import Callable
from threading import get_ident
from time import monotonic
from typing import Any, Final

from kombu.transport import redis as stock
from kombu.utils.objects import cached_property
from redis import Redis
from redis.exceptions import RedisError

from dispatcher.adapters.broker.demand import Terms
from dispatcher.adapters.broker.keys import Keys
from dispatcher.adapters.broker.lanes import depth, drop, unsort
from dispatcher.adapters.broker.leases import LeaseKeeper, settle
from dispatcher.adapters.broker.message import Message
from dispatcher.adapters.broker.qos import QoS as Books
from dispatcher.adapters.broker.taker import Taker

_log: Final = logging.getLogger(__name__)

#: The kind of socket that the poller knows a taker's connection by.
TAKE: Final = "TAKE"
#: Seconds that closing waits for outstanding replies.
_CLOSE_WAIT: Final = 2.0
_OPTIONS: Final = ("lease", "reserved_credit", "task_names", "message_bytes", "fair")


class BatchedChannel(stock.Channel):  # type: ignore[misc]  # kombu ships no types
    """A channel whose acknowledged consumers share one taker.

    Publishing, bindings, fanout and consumers without acknowledgement (replies to remote control)
    are kombu's own.

    Transport options, beside kombu's:
        lease: Seconds until what a dead process held goes back to its queue (12).
        reserved_credit: Queue name to credit of its own; taken before all others, in this order.
        task_names: Names of tasks that may be called; absent, any.
        message_bytes: Largest message taken (256 KiB); a larger one goes to the quarantine.
        fair: Whether organizations take turns where a queue is long (yes).
    """

    QoS = Books
    from_transport_options = (*stock.Channel.from_transport_options, *_OPTIONS)

    lease: float = 12.0
    reserved_credit: dict[str, int] = {}  # noqa: RUF012 -- kombu sets options on the instance
    task_names: Any = None
    message_bytes: int = 1 << 18
    fair: bool = True

    # Half-open connections must be noticed; kombu's default is to wait for ever.
    socket_timeout = 10.0
    socket_connect_timeout = 5.0
    socket_keepalive = True
    health_check_interval = 10

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- kombu's signature
        self._direct: dict[str, tuple[str, Callable[[Message], object], bool]] = {}
        self._has_books = False
        self._served: set[str] = set()
        super().__init__(*args, **kwargs)
        self.handlers[TAKE] = self._on_take_readable

    @property
    def takes(self) -> bool:
        """Whether this channel has a consumer that acknowledges."""
        return any(not no_ack for _, _, no_ack in self._direct.values())

    @cached_property
    def keys(self) -> Keys:
        """The broker's key names."""
        prefix = self.global_keyprefix
        return Keys(
            prefix=prefix,
            separator=self.sep,
            steps=tuple(self.priority_steps),
            unacked=prefix + self.unacked_key,
            unacked_index=prefix + self.unacked_index_key,
        )

    @cached_property
    def taker(self) -> Taker:
        """The taking side of this channel."""
        names = self.task_names
        terms = Terms(
            lease=self.lease,
            reserved=dict(self.reserved_credit),
            tasks=None if names is None else frozenset(names),
            message_bytes=self.message_bytes,
            is_fair=self.fair,
        )
        return Taker(self.qos, self.keys, terms, self)

    @cached_property
    def taking_client(self) -> Any:  # noqa: ANN401 -- kombu ships no types
        """The client whose connection is the taker's alone.

        On kombu's own client a blocking pop may be outstanding, left by an unacknowledged
        consumer such as mingle's, and its reply would be taken for one of the taker's.
        """
        return self._create_client(asynchronous=True)

    @cached_property
    def keeper(self) -> LeaseKeeper:
        """The thread that keeps this channel's leases."""
        return LeaseKeeper(self.open_client, self.qos, self.keys, lease=self.lease)

    def open_client(self) -> Redis:
        """Return a client on the channel's pool that leaves key names as they are."""
        return Redis(connection_pool=self.pool)

    def stir(self) -> None:
        """Have settled messages told to the broker soon, from whatever thread."""
        cycle = self.connection.cycle if self.connection else None
        if cycle is not None and cycle.hub is not None:
            if get_ident() != cycle.hub_thread:
                cycle.hub.call_soon(cycle.on_poll_start)
        elif not self.closed:
            settle(self.open_client(), self.qos, self.keys)

    def basic_consume(
        self,
        queue: str,
        no_ack: bool,  # noqa: FBT001 -- kombu's signature
        callback: Callable[[Message], object],
        consumer_tag: str,
        **kwargs: Any,  # noqa: ANN401 -- kombu's signature
    ) -> None:
        """Consume from a queue; acknowledged consumers are served by the taker."""
        super().basic_consume(queue, no_ack, callback, consumer_tag, **kwargs)
        if queue in self._fanout_queues:
            return
        self._direct[queue] = (consumer_tag, callback, no_ack)
        self._served.add(queue)
        if self.takes:
            self._has_books = True
            for name, (_, receive, settles_itself) in self._direct.items():
                self.taker.consume(name, _acknowledging(receive) if settles_itself else receive)
            self.keeper.start()

    def basic_get(self, queue: str, no_ack: bool = False, **kwargs: Any) -> Any:  # noqa: ANN401, FBT001, FBT002 -- kombu's signature
        """Get one message without consuming.

        Raises:
            NotImplementedError: With acknowledgement: kombu's way of doing it loses messages.
        """
        if not no_ack:
            raise NotImplementedError("Consume instead, or get without acknowledgement.")
        return super().basic_get(queue, no_ack=True, **kwargs)

    def abandon(self, running: set[str]) -> Books:
        """Let go of the books without a word to the broker; `inherit` takes them over.

        Args:
            running: Tags that stay held; all others are noted to go back.
        """
        self.keeper.stop(0.0)
        self.taker.finish(monotonic())
        self.qos.give_back([tag for tag in self.qos.held if tag not in running])
        self._has_books = False
        books: Books = self.qos
        return books

    def inherit(self, qos: Books) -> None:
        """Take over an abandoned channel's books; before consuming."""
        qos.channel = self
        self._qos = qos

    def close(self) -> None:
        """Close; what is held and not abandoned goes back to its queue at once."""
        if not self.closed and self._has_books:
            self._has_books, self._closing = False, True
            self.keeper.stop(_CLOSE_WAIT)
            self.taker.finish(monotonic() + _CLOSE_WAIT)
            self.qos.restore_unacked()
            try:
                settle(self.open_client(), self.qos, self.keys)
                self._leave()
            except (RedisError, OSError) as error:
                _log.warning("Leases lapse instead of being returned: %s.", type(error).__name__)
        super().close()

    def _leave(self) -> None:
        """Leave no lanes behind where nobody is left that knows them."""
        if self.keeper.leave():
            for queue in self._served:
                unsort(self.open_client(), self.keys, queue)

    def queue_declare(self, queue: str | None = None, passive: bool = False, **kwargs: Any) -> Any:  # noqa: ANN401, FBT001, FBT002 -- kombu's signature
        """Declare a queue; asked passively, how much it holds includes what is sorted into lanes.

        A producer, who declares actively, may not be allowed to look.
        """
        declared = super().queue_declare(queue, passive, **kwargs)
        if not passive or queue is None:
            return declared
        in_lanes = depth(self.open_client(), self.keys, queue)
        return declared._replace(message_count=declared.message_count + in_lanes)

    def _has_queue(self, queue: str, **kwargs: Any) -> bool:  # noqa: ANN401 -- kombu's signature
        sorted_ones = self.keys.ring(queue)
        return super()._has_queue(queue, **kwargs) or bool(self.open_client().exists(sorted_ones))

    def _purge(self, queue: str) -> int:
        dropped = drop(self.open_client(), self.keys, queue)
        return dropped + int(super()._purge(queue))

    def _delete(self, queue: str, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- kombu's signature
        drop(self.open_client(), self.keys, queue)
        super()._delete(queue, *args, **kwargs)

    def _basic_cancel(self, consumer_tag: str) -> Any:  # noqa: ANN401 -- kombu's signature
        for queue, (tag, _, _) in list(self._direct.items()):
            if tag == consumer_tag:
                del self._direct[queue]
                self.taker.cancel(queue)
        return super()._basic_cancel(consumer_tag)

    def _on_connection_disconnect(self, connection: Any) -> None:  # noqa: ANN401 -- kombu's signature
        client = self.__dict__.get("taking_client")
        if client is not None and client.connection is connection and "taker" in self.__dict__:
            self.taker.detach()
        super()._on_connection_disconnect(connection)

    def _on_take_readable(self) -> bool:
        if not self.taker.on_readable():
            raise stock.Empty
        return True

    def _poll_error(self, type: str, **options: Any) -> Any:  # noqa: A002, ANN401 -- kombu's signature
        if type == TAKE:
            return self.taker.on_readable()
        return super()._poll_error(type, **options)


def _acknowledging(receive: Callable[[Message], object]) -> Callable[[Message], object]:
    def receive_and_settle(message: Message) -> None:
        message.ack()
        receive(message)

    return receive_and_settle


class SentinelBatchedChannel(BatchedChannel, stock.SentinelChannel):  # type: ignore[misc]  # kombu ships no types
    """The same, where Sentinel says which server is the primary."""

    from_transport_options = (*stock.SentinelChannel.from_transport_options, *_OPTIONS)
