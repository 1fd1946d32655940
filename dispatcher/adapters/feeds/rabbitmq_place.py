"""Where a connection's messages are in RabbitMQ, and what must be there for them to arrive.

Vendor errors stop here: what leaves is :class:`~dispatcher.errors.FeedUnavailable`.
"""

import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import unquote, urlsplit

from amqp.exceptions import AccessRefused, AMQPError, NotFound
from kombu import Connection as RabbitConnection
from kombu.exceptions import KombuError

from dispatcher.connection import Connection
from dispatcher.errors import FeedUnavailable
from dispatcher.sources.fetching import AMQP_URL

_CHANGES: Final = (
    "KK.EVENT.CLIENT.*.SUCCESS.*.UPDATE_PASSWORD",
    "KK.EVENT.CLIENT.*.SUCCESS.*.UPDATE_CREDENTIAL",
    "KK.EVENT.CLIENT.*.SUCCESS.*.UPDATE_EMAIL",
    "KK.EVENT.CLIENT.*.SUCCESS.*.UPDATE_PROFILE",
    "KK.EVENT.ADMIN.*.SUCCESS.USER.ACTION",
)
_PORTS: Final = {"amqp": 5672, "amqps": 5671}
_CONNECT_TIMEOUT: Final = 5.0
_REPLY_TIMEOUT: Final = 10.0
_HEARTBEAT: Final = 30.0


@dataclass(frozen=True, slots=True)
class Place:
    """A queue of ours, and what it is bound to.

    Args:
        url: Where RabbitMQ is, and as whom.
        password: That one's.
        queue: The queue.
        exchange: The exchange that it is bound to.
        routing: What with.
    """

    url: str
    password: str = field(repr=False)
    queue: str
    exchange: str
    routing: Sequence[str]

    @classmethod
    def of(cls, connection: Connection) -> Self:
        """Return where a connection's messages are."""
        options = connection.options
        routing = [each.strip() for each in options.get("routing", "").split(",") if each.strip()]
        return cls(
            options[AMQP_URL],
            connection.secrets[0],
            options.get("queue", f"dispatcher.{connection.name}"),
            options.get("exchange", "amq.topic"),
            routing or _CHANGES,
        )

    def connect(self) -> Any:  # noqa: ANN401 - kombu ships no types
        """Return a connection that is not open yet."""
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        tls = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": host}
        return RabbitConnection(
            host,
            userid=unquote(parts.username or "guest"),
            password=self.password,
            virtual_host=unquote(parts.path[1:]) or "/",
            port=parts.port or _PORTS[parts.scheme],
            transport="pyamqp",
            ssl=tls if parts.scheme == "amqps" else False,
            heartbeat=_HEARTBEAT,
            connect_timeout=_CONNECT_TIMEOUT,
            transport_options={"read_timeout": _REPLY_TIMEOUT, "write_timeout": _REPLY_TIMEOUT},
        )

    def prepare(self, connection: Any) -> str:  # noqa: ANN401 - as above
        """Make the queue and its bindings where they are missing, and return its name.

        A quorum queue: what it holds survives a node, whether or not its publisher asked for that.
        Whoever may only read has both made by somebody else.
        """
        try:
            with connection.channel() as channel:
                channel.queue_declare(self.queue, passive=True)
            is_there = True
        except NotFound:
            is_there = False
            with connection.channel() as channel:
                channel.queue_declare(
                    self.queue,
                    durable=True,
                    auto_delete=False,
                    arguments={"x-queue-type": "quorum"},
                )
        try:
            with connection.channel() as channel:
                for key in self.routing:
                    channel.queue_bind(self.queue, self.exchange, key)
        except AccessRefused:
            if not is_there:
                raise
        return self.queue


@contextmanager
def feed_errors() -> Iterator[None]:
    """Turn the client's errors into :class:`~dispatcher.errors.FeedUnavailable`."""
    try:
        yield
    except (AMQPError, KombuError) as error:
        code = getattr(error, "reply_code", 0) or ""
        said = f"RabbitMQ refused: {type(error).__name__} {code}".rstrip()
        raise FeedUnavailable(said) from error
    except (OSError, EOFError) as error:
        raise FeedUnavailable(f"no answer from RabbitMQ: {type(error).__name__}") from error
