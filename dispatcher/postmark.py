"""The postmark: what proves, when a mail comes back, that it was ours and for whom it was.

It stands in the Message-ID, and in the envelope's sender where bounces have an address of
their own (VERP). It holds no address, event id or organization's id, and survives a change
of case. Whoever has seen the mail can show its postmark; nobody can make one for another
recipient.
"""

import re
from base64 import b32decode, b32encode
from binascii import Error as NotBase32
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from hmac import compare_digest
from typing import Final, Self

LENGTH: Final = 48
"""Characters of a postmark: RFC 5321 section 4.5.3.1.1 leaves 16 for the rest of a local part."""

_RECIPIENT, _ORG, _EVENT, _MAC = 8, 4, 10, 8
_SIZE: Final = _RECIPIENT + _ORG + _EVENT + _MAC
_LOOKS_LIKE: Final = re.compile(rf"(?<![A-Za-z0-9])[A-Za-z2-7]{{{LENGTH}}}(?![A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Postmark:
    """A postmark that was read; what it says counts only when it is :meth:`genuine`.

    Args:
        recipient: The fingerprint of the address that the mail was for.
        org: The organization's tag, see :func:`org_tag`.
        event: The event's tag, see :func:`event_tag`.
        mac: The proof.
    """

    recipient: str
    org: bytes
    event: bytes
    mac: bytes

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Return the postmark that a text is, in whatever case; None where it is none."""
        try:
            octets = b32decode(text.upper())
        except (NotBase32, ValueError):
            return None
        return cls.unpacked(octets) if len(octets) == _SIZE else None

    @classmethod
    def unpacked(cls, octets: bytes) -> Self:
        """Return the postmark that 30 bytes are."""
        recipient, rest = octets[:_RECIPIENT], octets[_RECIPIENT:]
        event = rest[_ORG:-_MAC]
        return cls(recipient.hex(), rest[:_ORG], event, rest[-_MAC:])

    def genuine(self, key: bytes, org_id: str) -> bool:
        """Return whether a mail of that organization bears it."""
        if self.org != org_tag(key, org_id):
            return False
        recipient = bytes.fromhex(self.recipient)
        return compare_digest(self.mac, _mac(key, org_id, recipient, self.event))


def postmark(key: bytes, *, org_id: str, event_id: str, template: str, recipient: str) -> str:
    """Return the postmark of an event's mail: 48 characters of lower-case base32.

    Args:
        key: The installation's secret, at least 16 bytes.
        org_id: The organization.
        event_id: The event's id within it.
        template: The kind of mail.
        recipient: The fingerprint of the address, 16 hexadecimal digits.
    """
    event = event_tag(key, org_id, event_id, template)
    whom = bytes.fromhex(recipient)
    octets = whom + org_tag(key, org_id) + event + _mac(key, org_id, whom, event)
    return b32encode(octets).decode().lower()


def find_postmarks(text: str) -> Iterator[Postmark]:
    """Yield what looks like a postmark in a text: a Message-ID, an address, several headers."""
    for match in _LOOKS_LIKE.finditer(text):
        yield Postmark.unpacked(b32decode(match[0].upper()))


@lru_cache(maxsize=4096)
def org_tag(key: bytes, org_id: str) -> bytes:
    """Return 4 bytes by which an organization is looked for; two may share them."""
    return blake2b(org_id.encode(), key=key[:64], digest_size=_ORG, person=b"org").digest()


def event_tag(key: bytes, org_id: str, event_id: str, template: str) -> bytes:
    """Return 10 bytes that tell an organization's mails apart."""
    text = f"{org_id}\0{event_id}\0{template}".encode()
    return blake2b(text, key=key[:64], digest_size=_EVENT, person=b"message-id").digest()


def _mac(key: bytes, org_id: str, recipient: bytes, event: bytes) -> bytes:
    text = recipient + event + org_id.encode()
    return blake2b(text, key=key[:64], digest_size=_MAC, person=b"postmark").digest()
