"""One connection to a relay: a session's transport, its conversation, and the clock beside it."""

import asyncio
from enum import Enum
from typing import Final, Protocol

from dispatcher.adapters.mail.smtp_conversation import ClosingDown, Conversation, Doubt, Orphan
from dispatcher.adapters.mail.smtp_handover import Handover
from dispatcher.adapters.mail.smtp_limits import Timeouts
from dispatcher.adapters.mail.smtp_replies import GarbledReply, Reply, ReplyReader
from dispatcher.adapters.mail.smtp_session import Session

_BUFFER: Final = 16 * 1024  # bytes: what a TLS record carries (RFC 8446 section 5.1)
_REST: Final = 1.0  # seconds without a message after which a connection may have died unnoticed


class Ending(Enum):
    """What a connection's end says about the message it could not send."""

    WORN = "worn"
    """It had worked before: relays close old connections, the message is not to blame."""
    UNTRIED = "untried"
    """It never worked: the relay may be unwell, or may not like the message."""
    SILENT = "silent"
    """The relay had its time to answer, and did not."""


class Owner(Protocol):
    """Whose connection it is: gives it messages, and takes back what it cannot send."""

    def next_for(self, connection: "Connection") -> Handover | None:
        """Return the next message for a connection that has room, if it is to get one."""
        ...

    def idled(self, connection: "Connection") -> None:
        """Note that the connection has nothing to do."""
        ...

    def rescued(self, handover: Handover) -> None:
        """Take back a message that waited too long behind another one's final dot."""
        ...

    def ended(self, connection: "Connection", orphan: Orphan | None) -> None:
        """Note that the connection is over, and take back the message it had not sent."""
        ...


class Connection(asyncio.Protocol):
    """Hands over messages, one after the other, until it is worn, idle or in doubt.

    Args:
        relay: The relay's name, for errors.
        session: The session to use; its transport becomes ours.
        timeouts: How long to wait for each reply.
        owner: Whose it is.
    """

    def __init__(self, relay: str, session: Session, timeouts: Timeouts, owner: Owner) -> None:
        self._transport = session.transport
        self._unread = session.unread
        self._timeouts = timeouts
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._reader = ReplyReader()
        self._conversation = Conversation(relay, session.offers)
        self._watch: asyncio.TimerHandle | None = None
        self._ended = False
        self._revived = False
        self.opened_at = self.quiet_since = self._loop.time()
        self.closed = self._loop.create_future()
        self.taken = 0
        self.parting: Reply | None = None
        self.ending = Ending.UNTRIED

    @property
    def has_room(self) -> bool:
        """Return whether another message may be started now."""
        return not self._ended and self._conversation.has_room

    def attach(self) -> None:
        """Take over the session's transport; the owner hears when it is ready for a message."""
        encrypted = self._transport.get_extra_info("ssl_object") is not None
        self._transport.set_protocol(_Decrypted(self) if encrypted else self)
        if self._transport.is_closing():
            self._end("the connection was lost")
        elif self._unread:
            self.data_received(self._unread)
        else:
            self._go_on([])

    def start(self, handover: Handover) -> None:
        """Start a message; only while there is room."""
        now = self._loop.time()
        if self._conversation.idle:
            self._revived = now - self.quiet_since > _REST
            if self._revived:
                self.ending = Ending.WORN
            self.quiet_since = now
        self._go_on([self._begin(handover)])

    def retire(self) -> None:
        """Say QUIT and close; only while idle. What the relay answers does not matter."""
        self._end("retired", quit_first=True)

    def abort(self) -> None:
        """Close at once; a message whose final dot was sent is left uncertain."""
        self._end("the connection was given up")

    def data_received(self, data: bytes) -> None:
        """Take replies, and say what is due."""
        if self._ended:
            self._farewell()
            return
        due: list[bytes] = []
        try:
            for reply in self._reader.feed(data):
                due.append(self._conversation.answer(reply))
                self.quiet_since = self._loop.time()
                self._revived = False
        except ClosingDown as closing:
            self._end(str(closing), closing.reply)
        except (Doubt, GarbledReply) as doubt:
            self._end(str(doubt))
        else:
            self._go_on(due)

    def eof_received(self) -> None:
        """Let the transport close: a relay that stopped talking is gone."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Settle what was under way."""
        self._end("the connection was lost" if exc is None else f"the connection was lost: {exc}")
        if self._watch is not None:
            self._watch.cancel()
        if not self.closed.done():
            self.closed.set_result(None)

    def _go_on(self, due: list[bytes]) -> None:
        while self._conversation.has_room:
            handover = self._owner.next_for(self)
            if handover is None:
                break
            due.append(self._begin(handover))
        if said := b"".join(due):
            self._transport.write(said)
        if self._conversation.idle:
            self._owner.idled(self)
        elif self._watch is None:
            self._watch = self._loop.call_later(self._timeouts.shortest, self._look)

    def _begin(self, handover: Handover) -> bytes:
        if self.taken:
            self.ending = Ending.WORN
        self.taken += 1
        return self._conversation.begin(handover)

    def _look(self) -> None:
        """Look at the clock, no later than any reply's deadline: cheaper than a timer for each."""
        self._watch = None
        if self._ended or self._conversation.idle:
            return
        patience = self._timeouts.of(self._conversation.phase)
        if self._revived:
            patience = min(patience, self._timeouts.revive)
        waited = self._loop.time() - self.quiet_since
        if waited >= patience:
            if not self._revived:
                self.ending = Ending.SILENT
            self._end(f"no reply in {patience:g} s")
            return
        if waited >= self._timeouts.follow and (rescued := self._conversation.rescue()):
            self._owner.rescued(rescued)
        pause = min(self._timeouts.shortest, patience - waited)
        self._watch = self._loop.call_later(pause, self._look)

    def _end(self, why: str, reply: Reply | None = None, *, quit_first: bool = False) -> None:
        if self._ended:
            return
        self._ended = True
        if self._watch is not None:
            self._watch.cancel()
        self.parting = reply
        if quit_first:
            self._transport.write(b"QUIT\r\n")
            self._watch = self._loop.call_later(self._timeouts.farewell, self._farewell)
        else:
            self._farewell()
        self._owner.ended(self, self._conversation.lose(reply, why))

    def _farewell(self) -> None:
        self._transport.abort()


class _Decrypted(asyncio.BufferedProtocol):
    """Receives for a connection over TLS, into a buffer of its own.

    Event loops decrypt into a new object of 256 KiB per read where nobody gives them a
    buffer: three system calls and 20 µs for a reply of 80 bytes.

    Args:
        connection: Whose replies they are.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._buffer = memoryview(bytearray(_BUFFER))

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - what does not fit comes next
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._connection.data_received(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> None:
        self._connection.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)
