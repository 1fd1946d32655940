"""The machine-readable part of a delivery report (RFC 3464, RFC 6533), read with lenience."""

import re
from binascii import unhexlify
from collections.abc import Iterable, Iterator, Mapping
from email.message import Message
from email.parser import HeaderParser
from typing import Final

from dispatcher.bounce import Action, Fate

_BLANK_LINE: Final = re.compile(r"\r?\n[ \t]*\r?\n")
_ENHANCED: Final = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?!\.?\d)")
_REPLY_CODE: Final = re.compile(r"\b[45]\d\d\b")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_XTEXT: Final = re.compile(r"\+([0-9A-F]{2})")  # RFC 3461 section 4
_ACE: Final = "xn--"
_VAGUE: Final = ".0.0"
_UNKNOWN: Final = re.compile(
    r"unknown|no such|not exist|not found|n't exist|invalid (?:mailbox|recipient|address)"
    r"|no mailbox|not a valid|unrouteable",
    re.IGNORECASE,
)


def read_fates(part: Message) -> Iterator[Fate]:
    """Yield what a delivery-status part says of each recipient."""
    for block in _BLANK_LINE.split(text_of(part)):
        fields = {
            name.lower(): " ".join(str(value).split())
            for name, value in HeaderParser().parsestr(block.lstrip("\r\n")).items()
        }
        if "final-recipient" in fields or "original-recipient" in fields:
            yield _fate(fields)


def text_of(part: Message) -> str:
    """Return a part's text, whatever it is encoded in; a part in parts is put together again."""
    payload = part.get_payload()
    if isinstance(payload, list):
        blocks = (
            "".join(f"{name}: {value}\n" for name, value in block.items()) + f"\n{text_of(block)}"
            for block in payload
            if isinstance(block, Message)
        )
        return "\n".join(blocks)
    decoded = part.get_payload(decode=True)
    return decoded.decode("utf-8", "replace") if isinstance(decoded, bytes) else str(payload)


def first_status(text: str) -> str:
    """Return the first enhanced status code in a text, or ""."""
    found = _ENHANCED.search(text)
    return found[1] if found else ""


def spellings(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return addresses without what reports wrap them in, each in all ways it may be known by."""
    found: dict[str, None] = {}
    for address in addresses:
        bare = _COMMENT.sub("", address).strip().strip("<>").strip()
        for spelt in (bare, _XTEXT.sub(_unescaped, bare)):
            if "@" in spelt:
                found |= dict.fromkeys((spelt, _in_unicode(spelt)))
    return tuple(found)


def _fate(fields: Mapping[str, str]) -> Fate:
    named = (fields.get(name, "") for name in ("final-recipient", "original-recipient"))
    addresses = spellings(each.partition(";")[2] or each for each in named)
    status = _status(first_status(fields.get("status", "")), fields.get("diagnostic-code", ""))
    return Fate(addresses, _action(fields.get("action", ""), status), status)


def _status(concluded: str, diagnostic: str) -> str:
    """Return what the report comes to: the last relay's own word, where it is precise."""
    said = first_status(diagnostic)
    if said and not said.endswith(_VAGUE):
        return said
    if not _REPLY_CODE.search(diagnostic) or _UNKNOWN.search(diagnostic):
        return concluded
    # The relay gave a bare code, 550 for instance: some make "no such user" of any of these.
    return concluded[:1] + _VAGUE if concluded else ""


def _action(text: str, status: str) -> Action:
    word = _COMMENT.sub("", text).strip().lower()
    if word in set(Action):
        return Action(word)
    return Action.FAILED if status.startswith("5") else Action.DELAYED


def _unescaped(match: re.Match[str]) -> str:
    return unhexlify(match[1]).decode("latin-1")


def _in_unicode(address: str) -> str:
    local_part, _, domain = address.rpartition("@")
    if _ACE not in domain.lower():
        return address
    try:
        return f"{local_part}@{domain.encode('ascii').decode('idna')}"
    except UnicodeError:
        return address
