"""Which sockets are watched, and what is done at each turn of the event loop."""

from collections.abc import Callable
from threading import get_ident
from typing import Any

from kombu.transport.redis import MultiChannelPoller

from dispatcher.adapters.broker.channel import TAKE, BatchedChannel


class Poller(MultiChannelPoller):  # type: ignore[misc]  # kombu ships no types
    """kombu's poller, which lets takers speak at each turn instead of popping.

    Sockets are handed to the event loop once, when they open; kombu hands over all of them again
    at every turn.
    """

    def __init__(self) -> None:
        super().__init__()
        self.hub: Any = None
        self.hub_thread: int | None = None
        self._watch: Callable[[int], None] | None = None
        self._timers: list[Any] = []

    def follow(self, hub: Any, watch: Callable[[int], None]) -> None:  # noqa: ANN401 -- kombu ships no types
        """Let an event loop watch the sockets and give every turn, until closed."""
        self._leave()
        self.hub, self.poller, self._watch = hub, hub.poller, watch
        self.hub_thread = get_ident()
        hub.on_tick.add(self.on_poll_start)

    def repeat(self, seconds: float, call: Callable[[], Any]) -> None:
        """Have the event loop that is followed call something at intervals, until closed."""
        self._timers.append(self.hub.call_repeatedly(seconds, call))

    def close(self) -> None:
        """Watch nothing any more, and leave the event loop.

        kombu's stays: its event loop keeps, and calls at every turn, what each connection that
        there ever was had left there.
        """
        super().close()
        self._leave()

    def on_poll_start(self) -> None:
        """Let every channel take, settle, and listen."""
        for channel in self._channels:
            if channel.takes or channel.qos.owes:
                self._tick(channel)
            elif channel.active_queues and channel.qos.can_consume():
                self._register_BRPOP(channel)
            if channel.active_fanout_queues:
                self._register_LISTEN(channel)

    def on_readable(self, fileno: int) -> Any:  # noqa: ANN401 -- kombu's signature
        """Read from a socket; a taker's is read whether or not there is credit."""
        entry = self._fd_to_chan.get(fileno)
        if entry is not None and entry[1] == TAKE:
            return entry[0].handlers[TAKE]()
        return super().on_readable(fileno)

    def on_poll_init(self, poller: Any) -> None:  # noqa: ANN401 -- kombu's signature
        """Use a poller; kombu would sweep here, which is the lease keeper's work."""
        self.poller = poller

    def maybe_restore_messages(self) -> None:
        """Do nothing: sweeping is the lease keeper's work."""

    def _leave(self) -> None:
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        if self.hub is not None:
            self.hub.on_tick.discard(self.on_poll_start)

    def _tick(self, channel: BatchedChannel) -> None:
        client = channel.taking_client
        if not self._client_registered(channel, client, TAKE):
            self._register(channel, client, TAKE)
            channel.taker.attach(client.connection)
        channel.taker.tick()

    def _register(self, channel: BatchedChannel, client: Any, type: str) -> None:  # noqa: A002, ANN401 -- kombu's signature
        super()._register(channel, client, type)
        if self._watch is not None:
            self._watch(client.connection._sock.fileno())  # noqa: SLF001 -- redis-py shows it nowhere else
