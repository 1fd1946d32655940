"""How deliveries are called in the store: short, and unlike each other."""

import re
from functools import lru_cache
from typing import Final
from uuid import UUID

_UUID_MARK: Final = b"\0"
_UUID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UUID_LENGTH: Final = 36
_UUID_SIZE: Final = 16
_LETTER_MARK: Final = "~"


def to_bytes(text: str | bytes) -> bytes:
    """Return text in UTF-8; what UTF-8 cannot say is escaped, never refused."""
    return text if isinstance(text, bytes) else text.encode(errors="backslashreplace")


def pack(text: str) -> bytes:
    """Return a canonical UUID as NUL and 16 bytes instead of 36, anything else in UTF-8.

    So is a UUID behind a tilde, as in the name of a malformed event's letter.
    """
    if len(text) == _UUID_LENGTH and _UUID.fullmatch(text):
        return _UUID_MARK + bytes.fromhex(text.replace("-", ""))
    if len(text) == _UUID_LENGTH + 1 and text[0] == _LETTER_MARK and _UUID.fullmatch(text, 1):
        return _LETTER_MARK.encode() + pack(text[1:])
    return to_bytes(text)


def unpack(packed: bytes) -> str:
    """Return the text that was packed."""
    mark, uuid = packed[:-_UUID_SIZE], packed[-_UUID_SIZE:]
    if mark == _UUID_MARK:
        return str(UUID(bytes=uuid))
    if mark == _LETTER_MARK.encode() + _UUID_MARK:
        return f"{_LETTER_MARK}{UUID(bytes=uuid)}"
    return packed.decode()


def name_of(org_id: str, event_id: str) -> bytes:
    """Return a delivery's name in the store; no organization's id holds a colon."""
    return b"%b:%b" % (_packed_org(org_id), pack(event_id))


_packed_org: Final = lru_cache(maxsize=4096)(pack)


def ids_of(name: bytes) -> tuple[str, str]:
    """Return the organization's and the event's id that a name is made of."""
    at = 1 + _UUID_SIZE if name.startswith(_UUID_MARK) else name.index(b":")
    return unpack(name[:at]), unpack(name[at + 1 :])
