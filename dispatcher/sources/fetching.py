"""Connections whose events are fetched by the workers: from a broker, a stream, a transmitter.

Nobody calls ``/hooks/<connection>`` for such a one: what lets us in there proves what comes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Final, Protocol
from urllib.parse import SplitResult, urlsplit

from dispatcher.connection import Connection
from dispatcher.sources.hook import Call
from dispatcher.web_address import is_safe

Take = Callable[[bytes, Call], Awaitable[None]]
"""Returns once what was brought is durable, however long that takes; raises MalformedEvent."""


class Feed(Protocol):
    """Where one connection's events are fetched."""

    @property
    def is_for_one(self) -> bool:
        """Whether only one worker at a time may fetch there."""
        ...

    async def run(self, take: Take, stopping: asyncio.Event) -> None:
        """Hand on what there is, and acknowledge what was taken, until *stopping* is set.

        Raises:
            FeedUnavailable: It is away.
        """
        ...


AMQP_URL: Final = "amqp_url"
STREAM_URL: Final = "stream_url"
POLL_URL: Final = "poll_url"

AMQP: Final[Mapping[str, str]] = {
    AMQP_URL: "RabbitMQ that events are fetched from, amqps://user@host/vhost; the secret is the "
    "password",
    "exchange": "the topic exchange there (amq.topic)",
    "queue": "our queue there (dispatcher.<connection>)",
    "routing": "what the queue is bound with, with commas (successful changes of Keycloak's)",
}
STREAM: Final[Mapping[str, str]] = {
    STREAM_URL: "Redis or Valkey that events are fetched from, rediss://user@host/0; the secret is "
    "the password",
    "stream": "the stream's key; required with stream_url",
    "group": "our consumer group (dispatcher)",
    "field": "the field of an entry that holds the event (event)",
}
POLL: Final[Mapping[str, str]] = {
    POLL_URL: "where tokens are fetched (RFC 8936); the secret is the Authorization",
    "poll_events": "most tokens in one answer, 1-1000 (100)",
}

MOST_EVENTS: Final = 1_000
USUAL_EVENTS: Final = 100

_SCHEMES: Final[Mapping[str, frozenset[str]]] = {
    AMQP_URL: frozenset({"amqp", "amqps"}),
    STREAM_URL: frozenset({"redis", "rediss", "unix"}),
    POLL_URL: frozenset({"https", "http"}),
}

_BY_PASSWORD: Final = frozenset({AMQP_URL, STREAM_URL})


def is_fetched(connection: Connection) -> bool:
    """Tell whether the workers fetch a connection's events, instead of being called."""
    return not _SCHEMES.keys().isdisjoint(connection.options)


def is_proven_by_broker(connection: Connection) -> bool:
    """Tell whether a broker's or stream's password stands in for a proof of each event."""
    return not _BY_PASSWORD.isdisjoint(connection.options)


def mistakes(connection: Connection) -> Iterator[str]:
    """Yield what is wrong with the options that say where events are fetched."""
    options = connection.options
    ways = [way for way in _SCHEMES if way in options]
    if len(ways) > 1:
        yield f"{' and '.join(ways)}: a connection's events are fetched from one place"
    for way in ways:
        yield from _place(way, options[way])
    if AMQP_URL in ways and not connection.secrets:
        yield "a secret is required: the password there"
    if is_proven_by_broker(connection) and len(connection.secrets) > 1:
        yield "the secrets: expected one, the password there"
    if STREAM_URL in ways and not options.get("stream"):
        yield "the option stream is required: the stream's key"
    most = options.get("poll_events", str(USUAL_EVENTS))
    if not (most.isascii() and most.isdecimal() and 1 <= int(most) <= MOST_EVENTS):
        yield f"the option poll_events: expected a number from 1 to {MOST_EVENTS}"


def _place(option: str, url: str) -> Iterator[str]:
    try:
        parts = urlsplit(url)
        password, _ = parts.password, parts.port
    except ValueError:
        yield f"the option {option} is no URL"
        return
    if parts.scheme not in _SCHEMES[option] or not _leads_anywhere(parts):
        yield f"the option {option}: expected {' or '.join(sorted(_SCHEMES[option]))}, and a host"
    elif option == POLL_URL and not is_safe(url):
        yield f"the option {option}: expected https, for it carries the Authorization"
    if password is not None:
        yield f"the option {option} holds a password: give it as the secret, which is encrypted"


def _leads_anywhere(parts: SplitResult) -> bool:
    return bool(parts.path if parts.scheme == "unix" else parts.hostname)
