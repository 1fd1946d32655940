"""Reception: what a connection brings is proven, read, bound to its organizations, and durable.

::

    Call ─ verify ─▶ content ─ parse ─▶ Reading ─ bind ─▶ Events ─ Ingest ─▶ Reply
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, TypeVar

from dispatcher.connection import Connection
from dispatcher.connections import Connections
from dispatcher.errors import (
    ConnectionNotFound,
    DispatcherError,
    MalformedEvent,
    StoreUnavailable,
    UntrustedEvent,
)
from dispatcher.events import Event
from dispatcher.formers import Formers
from dispatcher.ingest import Ingest
from dispatcher.ports import Clock, Kinship, Observer
from dispatcher.sources import discover
from dispatcher.sources.binding import bind
from dispatcher.sources.fetching import is_fetched
from dispatcher.sources.hook import Call, KeySet, Reading, Reply, Source

_T = TypeVar("_T")

_PATIENCE: Final = 1.0
"""Seconds: the most impatient senders wait two for an answer (FusionAuth), and there is the way."""

_POST: Final = "POST"
_ONLY_POST: Final = Reply(
    405, {"message": "events come by POST; nothing is asked here in another way"}, {"allow": _POST}
)

_UNKNOWN: Final = "unknown"
"""What connections that do not exist are counted as: a stranger shall make no name of ours."""


@dataclass(frozen=True, slots=True)
class Received:
    """What a call came to.

    Args:
        reply: What to answer.
        is_proven: Whether it came from who it claims.
    """

    reply: Reply
    is_proven: bool


@dataclass(frozen=True, slots=True)
class Bound:
    """What a reading comes to for a connection's organizations.

    Args:
        events: Those that concern us.
        ignored: How many things do not.
        malformed: What is wrong with those that are unreadable.
    """

    events: Sequence[Event]
    ignored: int
    malformed: Sequence[MalformedEvent]


@dataclass(frozen=True, slots=True)
class Reception:
    """Takes in what connections bring.

    Args:
        connections: Who may bring anything.
        ingest: Makes events durable.
        keys: Returns the key set that proves a connection's calls.
        formers: Knows mailboxes that were given up lately.
        observer: Is told what became of it.
        clock: Tells the time.
        patience: Seconds that a call may take.
    """

    connections: Connections
    ingest: Ingest
    keys: Callable[[Connection], KeySet]
    formers: Formers
    observer: Observer
    clock: Clock
    patience: float = _PATIENCE

    async def call(self, name: str, call: Call) -> Received:
        """Return what a call to a connection comes to; what it brought is durable by then.

        Raises:
            ConnectionNotFound: There is no such connection.
            DispatcherError: Nothing is known of the connection now: its store is away, or its
                secrets cannot be read.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.patience
        try:
            connection = await _in_time(deadline, self.connections.get(name))
        except DispatcherError as error:
            unknown = isinstance(error, ConnectionNotFound)
            self._count(_UNKNOWN if unknown else name, _result_of(error))
            raise
        source = discover()[connection.kind]
        greeting = source.greet(call, connection)
        if greeting is not None:
            return Received(greeting, is_proven=True)
        try:
            reply = await _in_time(deadline, self._prove_and_take(connection, source, call))
        except DispatcherError as error:
            self._count(name, _result_of(error))
            return Received(source.refused(error), not isinstance(error, UntrustedEvent))
        return Received(reply, is_proven=True)

    async def take(self, connection: Connection, content: bytes, call: Call) -> Reading:
        """Return what a proven call tells, once that is durable.

        Raises:
            MalformedEvent: All of it is unreadable.
            StoreUnavailable: It is not durable; those of its events that are, are duplicates
                when it comes again.
        """
        source = discover()[connection.kind]
        reading = source.parse(content, call, connection)
        bound = bind_all(connection, reading)
        if bound.malformed and not (bound.events or bound.ignored):
            raise bound.malformed[0]
        trace = call.headers.get("traceparent")
        traced = [event.within(trace) for event in bound.events]
        events = await self.formers.joined(traced)
        taken = await self.ingest.take(events, kinship=_kinship(connection, source))
        counts = {"accepted": taken.accepted, "duplicate": taken.duplicates}
        counts |= {"ignored": bound.ignored, "malformed": len(bound.malformed)}
        for result, count in counts.items():
            if count:
                self._count(connection.name, result, count)
        return reading

    async def _prove_and_take(self, connection: Connection, source: Source, call: Call) -> Reply:
        if is_fetched(connection):
            raise UntrustedEvent("its events are fetched: what lets us in there proves no call")
        keys = self.keys(connection)
        content = await source.verify(call, connection, keys, self.clock.now())
        if call.method != _POST:
            return _ONLY_POST
        reading = await self.take(connection, content, call)
        return reading.reply or source.accepted()

    def _count(self, connection: str, result: str, count: int = 1) -> None:
        self.observer.received(connection, result, count)


def bind_all(connection: Connection, reading: Reading) -> Bound:
    """Return what a reading comes to: one unreadable thing does not keep the others away."""
    events: list[Event] = []
    malformed: list[MalformedEvent] = []
    ignored = reading.ignored
    for each in reading.found:
        try:
            if isinstance(each, MalformedEvent):
                raise each
            bound = bind(connection, each)
        except MalformedEvent as error:
            malformed.append(error)
            continue
        events.extend(bound)
        ignored += not bound
    return Bound(events, ignored, malformed)


def _kinship(connection: Connection, source: Source) -> Callable[[Event], Kinship | None]:
    if not source.twin_window:
        return lambda _: None

    def kinship(event: Event) -> Kinship:
        user = event.user
        mailbox = "previous" if user.email is None and user.previous_email else ""
        whose = user.id or (user.email or "").casefold()
        names = connection.name, event.org_id, event.type, whose, mailbox
        text = "\0".join(names)
        digest = blake2b(text.encode(errors="replace"), digest_size=12, person=b"kinship")
        return Kinship(digest.digest(), source.twin_window)

    return kinship


async def _in_time(deadline: float, answer: Awaitable[_T]) -> _T:
    try:
        async with asyncio.timeout_at(deadline):
            return await answer
    except TimeoutError:
        raise StoreUnavailable("the store did not answer in time") from None


def _result_of(error: DispatcherError) -> str:
    if isinstance(error, UntrustedEvent | ConnectionNotFound):
        return "refused"
    return "malformed" if isinstance(error, MalformedEvent) else "unavailable"
