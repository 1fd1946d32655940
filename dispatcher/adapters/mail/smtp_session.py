"""Opening an SMTP session: connected, greeted, encrypted and authenticated by aiosmtplib.

What comes after (MAIL, RCPT, DATA) is ours: aiosmtplib reads one reply at a time, and
drops those that arrive together, as pipelined ones do.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

from aiosmtplib import SMTP, SMTPException, SMTPResponseException

from dispatcher.adapters.mail.hosts import is_here
from dispatcher.adapters.mail.relay_address import Auth, RelayAddress, Security
from dispatcher.adapters.mail.smtp_handover import Offers, trouble
from dispatcher.adapters.mail.smtp_limits import Timeouts
from dispatcher.adapters.mail.smtp_replies import Reply
from dispatcher.delivery import Phase


@dataclass(frozen=True, slots=True)
class Session:
    """An open session, ready for MAIL.

    Args:
        transport: The connection, encrypted if it is to be.
        offers: What the relay's last EHLO reply offers.
        unread: What the relay sent beyond its last reply; it should be nothing.
        certificate_ends: When the relay's certificate ends, in seconds since 1970; None where it
            has none, or none that was checked.
    """

    transport: asyncio.Transport
    offers: Offers
    unread: bytes
    certificate_ends: float | None = None


class SessionOpener:
    """Opens sessions with one relay.

    Args:
        address: The relay.
        timeouts: How long to wait for it.
    """

    def __init__(self, address: RelayAddress, timeouts: Timeouts) -> None:
        self._address = address
        self._timeouts = timeouts
        self._tls: ssl.SSLContext | None = None

    async def open(self) -> Session:
        """Return a new session.

        Raises:
            RelayFault: The relay cannot be used now; the phase says how far we came.
        """
        address, timeouts = self._address, self._timeouts
        with self._failing_in(Phase.TLS):
            tls = await self._tls_context()
        with self._failing_in(Phase.CONNECT):
            async with asyncio.timeout(timeouts.connect):
                sock = await _connect(address)
        smtp = SMTP(
            hostname=address.host,
            sock=sock,
            local_hostname=address.ehlo or _literal(sock),
            timeout=timeouts.command,
            use_tls=address.security is Security.TLS,
            start_tls=False,
            tls_context=tls,
        )
        try:
            await self._greet(smtp)
            with self._failing_in(Phase.EHLO):
                return _handed_out(smtp)
        except BaseException:
            if smtp.transport is not None:
                cast(asyncio.Transport, smtp.transport).abort()  # no waiting for TLS to say goodbye
            smtp.close()
            raise

    async def check(self) -> Offers:
        """Open a session, leave it, and return what the relay offers: for whoever sets it up.

        Raises:
            RelayFault: The relay cannot be used; the phase says how far we came.
        """
        session = await self.open()
        parting = _Parting()
        session.transport.set_protocol(parting)
        session.transport.write(b"QUIT\r\n")
        await asyncio.wait([parting.over], timeout=self._timeouts.farewell)
        session.transport.abort()
        await asyncio.wait([parting.over], timeout=self._timeouts.farewell)
        return session.offers

    async def _greet(self, smtp: SMTP) -> None:
        with self._failing_in(Phase.GREETING):
            await smtp.connect(timeout=self._timeouts.greeting)
        with self._failing_in(Phase.EHLO):
            await smtp.ehlo()
        if self._address.security is Security.STARTTLS:
            with self._failing_in(Phase.TLS):
                await smtp.starttls()
            with self._failing_in(Phase.EHLO):
                await smtp.ehlo()
        if self._address.username:
            with self._failing_in(Phase.AUTH):
                await self._authenticate(smtp)

    async def _authenticate(self, smtp: SMTP) -> None:
        username, password = self._address.username, self._address.password
        match self._address.auth:
            case Auth.AUTO:
                await smtp.login(username, password)
            case Auth.PLAIN:
                await smtp.auth_plain(username, password)
            case Auth.LOGIN:
                await smtp.auth_login(username, password)
            case Auth.CRAM_MD5:
                await smtp.auth_crammd5(username, password)
            case Auth.XOAUTH2:
                await smtp.auth_xoauth2(username, password)

    async def _tls_context(self) -> ssl.SSLContext | None:
        if self._address.security is Security.NONE:
            return None
        if self._tls is None:
            self._tls = await asyncio.to_thread(_build_tls_context, self._address)
        return self._tls

    @contextmanager
    def _failing_in(self, phase: Phase) -> Iterator[None]:
        try:
            yield
        except SMTPResponseException as error:
            reply = _reply(error)
            why = "the relay talks nonsense"
            raise trouble(phase, self._address.name, reply, why, self._address.username) from error
        except (SMTPException, OSError, ValueError) as error:
            if isinstance(error, ssl.SSLError) or isinstance(error.__cause__, ssl.SSLError):
                phase = Phase.TLS
            why = f"no session with the relay: {_cause(error)}"
            raise trouble(phase, self._address.name, None, why) from error


class _Parting(asyncio.Protocol):
    """Waits for the relay to close, whatever it says."""

    def __init__(self) -> None:
        self.over = asyncio.get_running_loop().create_future()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.over.set_result(None)


def _reply(error: SMTPResponseException) -> Reply | None:
    if not 200 <= error.code < 600:  # noqa: PLR2004 - aiosmtplib gives garbled replies code -1
        return None
    return Reply(error.code, error.message.encode(errors="replace"))


def _cause(error: Exception) -> str:
    cause = error.__cause__ or error
    if isinstance(cause, TimeoutError):
        return "timed out"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    if isinstance(cause, OSError) and cause.errno:
        return os.strerror(cause.errno) if cause.errno > 0 else str(cause.strerror)
    return str(error)


async def _connect(address: RelayAddress) -> socket.socket:
    loop = asyncio.get_running_loop()
    failure = OSError("the relay's name has no address")
    for family, kind, proto, _, where in await loop.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM
    ):
        if address.elsewhere and is_here(str(where[0])):
            failure = OSError("the relay's name leads to this machine, which is not allowed")
            continue
        sock = socket.socket(family, kind, proto)
        try:
            sock.setblocking(False)  # noqa: FBT003 - the standard library's signature
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            await loop.sock_connect(sock, where)
        except OSError as error:
            failure = error
            sock.close()
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def _literal(sock: socket.socket) -> str:
    host = sock.getsockname()[0]
    return f"[IPv6:{host}]" if sock.family == socket.AF_INET6 else f"[{host}]"


def _build_tls_context(address: RelayAddress) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=address.ca or None)
    if not address.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if address.cert:
        context.load_cert_chain(address.cert, address.key or None)
    return context


def _handed_out(smtp: SMTP) -> Session:
    protocol, transport = smtp.protocol, smtp.transport
    if protocol is None or transport is None:
        raise ConnectionResetError("the relay closed the session once it was ready")
    sizes = smtp.supports_extension("size")
    size = smtp.esmtp_extensions.get("size", "").strip()
    offers = Offers(
        pipelining=smtp.supports_extension("pipelining"),
        eightbit=smtp.supports_extension("8bitmime"),
        smtputf8=smtp.supports_extension("smtputf8"),
        sizes=sizes,
        size=int(size) if size.isdecimal() else 0,
    )
    unread = bytes(protocol._buffer)  # noqa: SLF001 - nothing public tells what is left in it
    return Session(cast(asyncio.Transport, transport), offers, unread, _certificate_ends(transport))


def _certificate_ends(transport: asyncio.BaseTransport) -> float | None:
    certificate = transport.get_extra_info("peercert") or {}
    return ssl.cert_time_to_seconds(certificate["notAfter"]) if certificate else None
