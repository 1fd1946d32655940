"""The kombu transports: Valkey or Redis, directly or through Sentinel."""

from types import MethodType
from typing import Any, Final

from kombu import transport as registry
from kombu.transport import redis as stock

from dispatcher.adapters.broker.channel import BatchedChannel, SentinelBatchedChannel
from dispatcher.adapters.broker.poller import Poller
from dispatcher.adapters.broker.qos import QoS

#: kombu's timers of one connection: what is called, and every how many seconds.
_TIMERS: Final = (
    (Poller.maybe_check_subclient_health, BatchedChannel.health_check_interval),
    (Poller.maybe_check_brpop_health, BatchedChannel.health_check_interval),
    (Poller.maybe_reauth, stock.DEFAULT_REAUTH_CHECK_INTERVAL),
    (Poller.maybe_refresh_binding_expiry, 1),
)


def install() -> None:
    """Have every Redis URL of this Python process use these transports; call before connecting.

    The `broker_transport` setting would do for `redis://`, but kombu lets the URL's own name win
    in `redis+socket://`, and in every URL of a fail-over list.
    """
    here = __name__
    for name in ("redis", "rediss"):
        registry.TRANSPORT_ALIASES[name] = f"{here}:Transport"
    registry.TRANSPORT_ALIASES["sentinel"] = f"{here}:SentinelTransport"
    for name in ("redis", "rediss", "sentinel"):
        registry._transport_cache.pop(name, None)  # noqa: SLF001 -- a name used before stays cached


class Transport(stock.Transport):  # type: ignore[misc]  # kombu ships no types
    """kombu's Redis transport with batched, atomic taking; same keys, same bytes on the wire.

    URLs as kombu's: `redis://`, `rediss://`, `redis+socket://`.
    """

    Channel = BatchedChannel

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 -- kombu's signature
        super().__init__(*args, **kwargs)
        self.cycle = Poller()

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:  # noqa: ANN401, ARG002 -- kombu's signature
        """Have the event loop watch the sockets and give every turn to the poller.

        Replaces kombu's, which re-registers every socket at every turn.
        """
        cycle = self.cycle
        cycle.follow(loop, lambda fd: loop.add_reader(fd, self.on_readable, fd))
        cycle._unregister_from_poll = loop.remove_reader  # noqa: SLF001 -- kombu's own wiring
        cycle._on_connection_disconnect = _Disconnect(cycle, loop)  # noqa: SLF001 -- kombu's own wiring
        for method, seconds in _TIMERS:
            cycle.repeat(seconds, MethodType(method, cycle))

    def abandon(self, running: set[str]) -> QoS | None:
        """Let go of a broken connection's books, for the next connection's channel to inherit.

        Args:
            running: Tags of messages whose tasks run on; all others go back to their queues.
        """
        for channel in self.channels:
            if channel.takes:
                books: QoS = channel.abandon(running)
                return books
        return None


class _Disconnect:
    """Takes a closed connection's sockets out of the event loop."""

    def __init__(self, cycle: Poller, loop: Any) -> None:  # noqa: ANN401 -- kombu ships no types
        self._cycle, self._loop = cycle, loop

    def __call__(self, connection: Any) -> None:  # noqa: ANN401 -- any redis-py connection class
        cycle = self._cycle
        cycle._discard_paused_connection(connection)  # noqa: SLF001 -- kombu's own wiring
        gone = [
            key
            for key in cycle._chan_to_sock  # noqa: SLF001 -- kombu's own wiring
            # redis-py has cleared its socket already: only the registration knows it.
            if key[1].connection is connection
        ]
        for key in gone:
            del cycle._chan_to_sock[key]  # noqa: SLF001 -- kombu's own wiring
        kinds = {(channel, kind) for channel, _, kind in gone}
        for fd, kind in list(cycle._fd_to_chan.items()):  # noqa: SLF001 -- kombu's own wiring
            if kind in kinds:
                self._loop.remove(fd)
                del cycle._fd_to_chan[fd]  # noqa: SLF001 -- kombu's own wiring


class SentinelTransport(Transport):
    """The same through Sentinel: `sentinel://`, option `master_name`."""

    Channel = SentinelBatchedChannel
    default_port = stock.SentinelTransport.default_port
