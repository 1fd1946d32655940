"""The inbox's SMTP server: takes every mail, except where it is told to be difficult."""

import asyncio
import logging
import socket
import threading
import weakref
from fnmatch import fnmatchcase
from typing import Final, Protocol

from aiosmtpd.smtp import Envelope, Session

from dispatcher.adapters.standalone.inbox_session import MAX_SIZE, InboxSession
from dispatcher.adapters.standalone.mailbox import Mailbox

ACCEPTED: Final = "250 2.0.0 kept"
REFUSED: Final = "550 5.1.1 no such mailbox here"
GREYLISTED: Final = "451 4.7.1 greylisted, try again"
OUT_OF_ROOM: Final = "452 4.3.1 cannot keep the mail"

_LOG: Final = logging.getLogger(__name__)


class _Server(Protocol):
    hostname: str


class _Rules:
    """The answers to each step of the conversation, in the form that aiosmtpd looks for."""

    def __init__(self, mailbox: Mailbox, refuse: frozenset[str], greylist: frozenset[str]) -> None:
        self._mailbox = mailbox
        self._refuse = refuse
        self._greylist = greylist
        self._tried: set[str] = set()

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's name for it
        self, _server: _Server, session: Session, _envelope: Envelope, host: str, said: list[str]
    ) -> list[str]:
        session.host_name = host
        # True of aiosmtpd, though it does not say so: it reads line by line from a buffer.
        return [*said[:-1], "250-PIPELINING", "250-ENHANCEDSTATUSCODES", said[-1]]

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name for it
        self,
        _server: _Server,
        _session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        plain = address.lower()
        if any(fnmatchcase(plain, pattern) for pattern in self._refuse):
            return REFUSED
        if plain not in self._tried and any(fnmatchcase(plain, p) for p in self._greylist):
            self._tried.add(plain)
            return GREYLISTED
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name for it
        self, _server: _Server, _session: Session, envelope: Envelope
    ) -> str:
        try:
            self._mailbox.add(
                envelope.original_content or b"",
                sender=(envelope.mail_from or "").strip("<>"),
                recipients=tuple(envelope.rcpt_tos),
                smtputf8=envelope.smtp_utf8,
            )
        except OSError as error:
            _LOG.warning("the inbox cannot keep a mail: %s", error.strerror)
            return OUT_OF_ROOM
        return ACCEPTED

    async def handle_exception(self, error: Exception) -> str:
        _LOG.warning("the inbox met %s", type(error).__name__)
        return "451 4.3.0 the inbox has a bug"


class InboxServer:
    """The SMTP server, on an event loop in a thread of its own.

    Args:
        mailbox: Where mails go.
        refuse: Patterns (``refused@*``) of recipients answered 550 5.1.1.
        greylist: Patterns of recipients answered 451 4.7.1 when first met.
    """

    def __init__(
        self, mailbox: Mailbox, *, refuse: frozenset[str], greylist: frozenset[str]
    ) -> None:
        self._rules = _Rules(mailbox, refuse, greylist)
        self._sessions: weakref.WeakSet[InboxSession] = weakref.WeakSet()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._ready = threading.Event()

    def start(self, listener: socket.socket) -> None:
        """Serve on a listening socket, which becomes ours; returns once it does."""
        # It logs each address at INFO, and ours never log one.
        logging.getLogger("mail.log").setLevel(logging.WARNING)
        self._ready.clear()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(listener)), name="inbox-smtp", daemon=True
        )
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Stop serving and close every connection; a no-op when not started."""
        if self._thread is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()
            self._thread = None

    async def _serve(self, listener: socket.socket) -> None:
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        server = await self._loop.create_server(self._session, sock=listener)
        self._ready.set()
        await self._stopping.wait()
        server.close()
        for session in list(self._sessions):
            if isinstance(session.transport, asyncio.Transport):
                session.transport.abort()

    def _session(self) -> InboxSession:
        session = InboxSession(
            self._rules,
            enable_SMTPUTF8=True,
            data_size_limit=MAX_SIZE,
            hostname="inbox.localhost",
            ident="dispatcher's inbox",
            loop=self._loop,
        )
        self._sessions.add(session)
        return session
