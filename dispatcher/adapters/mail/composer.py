"""The composer: rendered parts become one message in wire form.

All that is the same for every message is written once, at start. See
docs/decisions/0009 for why this is not ``email.message``.
"""

from binascii import b2a_base64, b2a_qp
from dataclasses import dataclass
from typing import Final

from dispatcher.adapters.mail import headers
from dispatcher.adapters.mail.addresses import Address, Mailbox
from dispatcher.adapters.mail.templates import Parts
from dispatcher.message import Message
from dispatcher.ports import Clock

_LONGEST_LINE: Final = 998  # RFC 5322 section 2.1.1, without the line end
_BASE64_LINE: Final = 76  # RFC 2045 section 6.8
# Quoted-printable writes three octets for one, base64 four for three: they meet where one octet
# in six is not ASCII, which with two-octet scripts is a tenth more octets than characters.
_MOSTLY_ASCII: Final = 1.1


@dataclass(frozen=True, slots=True)
class Envelope:
    """For whom a message is, and under which id.

    Args:
        id: The Message-ID with its angle brackets.
        recipient: The one address.
        name: The recipient's name, "" when there is none to show.
        language: The BCP 47 tag of what the parts are written in.
    """

    id: str
    recipient: Address
    name: str
    language: str


class Composer:
    """Writes messages.

    Args:
        sender: Whom the mails are from; its address is the envelope's sender too.
        reply_to: Where answers go, or None for the sender.
        clock: Tells the time for Date.
    """

    def __init__(self, sender: Mailbox, *, reply_to: Address | None, clock: Clock) -> None:
        self._clock = clock
        self._sender = sender.address
        self._same = "".join(
            (
                headers.mailbox("From", sender.name, sender.address),
                headers.mailbox("Reply-To", "", reply_to) if reply_to else "",
                "Auto-Submitted: auto-generated\r\n",  # RFC 3834 section 5
                "X-Auto-Response-Suppress: All\r\n",  # Exchange's word for the same
                "MIME-Version: 1.0\r\n",
            )
        )

    def compose(self, parts: Parts, envelope: Envelope) -> Message:
        """Return the message of these parts.

        Raises:
            RenderError: A header value has a control character.
        """
        # Nobody without the secret can tell a Message-ID beforehand, so nobody can have
        # put this line into a part; and no encoding writes "=_" by itself.
        boundary = "=_" + envelope.id[1 : envelope.id.index("@")]
        head = (
            f"{self._same}"
            f"Date: {headers.date(self._clock.now())}\r\n"
            f"Message-ID: {envelope.id}\r\n"
            f"{headers.mailbox('To', envelope.name, envelope.recipient)}"
            f"{headers.unstructured('Subject', parts.subject)}"
            f"Content-Language: {envelope.language}\r\n"
            f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n'
        ).encode()
        mark = f"\r\n--{boundary}".encode()
        text = _encoded(b"plain", parts.text.encode())
        html = _encoded(b"html", parts.html.encode("ascii", "xmlcharrefreplace"))
        if parts.logo is not None:
            html = parts.logo.beside(html, boundary)
        return Message(
            id=envelope.id,
            sender=self._sender.spec,
            recipient=envelope.recipient.spec,
            content=b"".join((head, mark, text, mark, html, mark, b"--\r\n")),
            smtputf8=envelope.recipient.smtputf8 or self._sender.smtputf8,
        )


def _encoded(subtype: bytes, octets: bytes) -> bytes:
    """Return a text part, from the end of its boundary line on, in 7-bit form.

    No relay has to offer 8BITMIME, and none has a reason to re-encode what DKIM signed.
    """
    lines = octets.splitlines()
    body = b"\r\n".join(lines)
    if octets.isascii() and max(map(len, lines), default=0) <= _LONGEST_LINE:
        encoding = b"7bit"
    elif len(octets) <= _MOSTLY_ASCII * len(octets.decode()):
        encoding = b"quoted-printable"
        body = b2a_qp(body)
    else:
        encoding = b"base64"
        body = _base64(body)
    return b"".join(
        (
            b"\r\nContent-Type: text/",
            subtype,
            b"; charset=utf-8\r\nContent-Transfer-Encoding: ",
            encoding,
            b"\r\n\r\n",
            body,
        )
    )


def _base64(octets: bytes) -> bytes:
    encoded = b2a_base64(octets, newline=False)
    starts = range(0, len(encoded), _BASE64_LINE)
    return b"\r\n".join([encoded[start : start + _BASE64_LINE] for start in starts])
