"""How a delivery's story is written in the store, and read back.

Short by design: a finished delivery is to cost 200 bytes at most. Columns are
separated by tabs, those of a story by group separators, attempts by record
separators, their columns by unit separators. Times are milliseconds since 1970; an
attempt's, counted from acceptance, and its duration are microseconds.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, Final
from zlib import compress, decompress

import pydantic_core

from dispatcher.adapters.store.names import ids_of, to_bytes, unpack
from dispatcher.delivery import Attempt, Delivery, Phase, Report, Ruling, State
from dispatcher.message import Message
from dispatcher.ports import Claim

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_FINGERPRINT: Final = re.compile("[0-9a-f]{16}")
_BASE64_MARK: Final = "~"
_CONTROLS: Final = dict.fromkeys(range(32), " ")
_COLUMN: Final = "\x1f"
_LINE: Final = "\x1e"
_GROUP: Final = "\x1d"
_HEAD: Final = Struct(">6s6sIH")
"""A record's beginning: accepted, changed, token, attempts."""
_VERDICT_COLUMNS: Final = 8
_SENT: Final = State.SENT.value
_FINAL: Final = Phase.FINAL.value
_PLAIN_MORE: Final = ("", "0", "0", "0", "", "", "", "", "", "", "")
"""What ``lua/common.lua`` leaves out of a record: nothing beyond the claim is known."""
_MORE_COLUMNS: Final = 10
_LONGEST_SOURCE: Final = 64


def to_json(value: Mapping[str, Any]) -> bytes:
    """Return a JSON object; a lone surrogate in somebody's name is escaped, never refused."""
    try:
        return pydantic_core.to_json(value)
    except ValueError:
        return json.dumps(value, separators=(",", ":")).encode()


def from_milliseconds(text: str | bytes | int) -> datetime:
    """Return the aware UTC time that is so many milliseconds after 1970."""
    return _EPOCH + int(text) * _MILLISECOND


def to_milliseconds(moment: datetime) -> int:
    """Return an aware time as whole milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def from_microseconds(text: bytes) -> datetime:
    """Return the aware UTC time that is so many microseconds after 1970."""
    return _EPOCH + int(text) * _MICROSECOND


def to_microseconds(moment: datetime) -> int:
    """Return an aware time as whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def _encode_ruling(ruling: Ruling | None, org_id: str) -> str:
    """Return a ruling as its sequence and, unless it is the organization itself, its owner."""
    if ruling is None:
        return ""
    return str(ruling.sequence) if ruling.owner == org_id else f"{ruling.sequence} {ruling.owner}"


def _decode_ruling(text: str, org_id: str) -> Ruling | None:
    sequence, _, owner = text.partition(" ")
    return Ruling(owner or org_id, int(sequence)) if sequence else None


def _encode_fingerprint(fingerprint: str) -> str:
    """Return a fingerprint's 16 hexadecimal digits as a mark and 11 characters of base64."""
    if not _FINGERPRINT.fullmatch(fingerprint):
        return plain(fingerprint)
    return _BASE64_MARK + b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")


def _decode_fingerprint(text: str) -> str:
    return b64decode(text[1:] + "=").hex() if text.startswith(_BASE64_MARK) else text


def plain(text: str) -> str:
    """Return text on one line, without the characters that divide the columns of a record."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def encode_story(report: Report, claim: Claim) -> bytes:
    """Return what a report adds to a delivery's story."""
    source = f" {plain(report.source)[:_LONGEST_SOURCE]}" if report.source else ""
    columns = (
        plain(report.trigger) + source if report.trigger else "",
        _encode_ruling(report.ruling, claim.org_id),
        _encode_fingerprint(report.recipient),
        _encode_attempt(report.attempt, claim.accepted_at),
    )
    return to_bytes(_GROUP.join(columns))


def _encode_attempt(attempt: Attempt | None, accepted_at: datetime) -> str:
    """Return an attempt as one line; what every success has in common is left out."""
    if attempt is None:
        return ""
    columns = (
        str(attempt.number),
        str((attempt.at - accepted_at) // _MICROSECOND),
        str(round(attempt.duration * 1e6)),
        "" if attempt.result == _SENT else plain(attempt.result),
        plain(attempt.relay),
        "" if attempt.phase == _FINAL else plain(attempt.phase) or "-",
        "" if attempt.code is None else str(attempt.code),
        plain(attempt.enhanced),
    )
    return _COLUMN.join(columns)


def _decode_attempt(line: str, accepted_at: datetime) -> Attempt:
    number, at, duration, result, relay, phase, code, enhanced = line.split(_COLUMN)
    return Attempt(
        int(number),
        accepted_at + int(at) * _MICROSECOND,
        int(duration) / 1e6,
        result or _SENT,
        relay,
        _FINAL if not phase else phase.removeprefix("-"),
        int(code) if code else None,
        enhanced,
    )


def encode_message(message: Message | None) -> bytes:
    """Return a message, compressed; nothing where there is none."""
    if message is None:
        return b""
    envelope = [message.id, message.sender, message.recipient, message.smtputf8]
    return compress(to_bytes(json.dumps(envelope)) + b"\n" + message.content)


def decode_message(kept: bytes | None) -> Message | None:
    """Return the message that was kept, or None."""
    if not kept:
        return None
    envelope, _, content = decompress(kept).partition(b"\n")
    message, sender, recipient, smtputf8 = json.loads(envelope)
    return Message(message, sender, recipient, content, smtputf8)


def decode_delivery(reply: Sequence[Any]) -> Delivery:
    """Return the delivery that ``lua/log.lua`` answered with."""
    return _from_record(*reply[1:]) if reply[0] == b"record" else _from_log(*reply[1:])


def _from_record(name: bytes, due: bytes, text: bytes, event: bytes) -> Delivery:
    accepted, changed, _, attempts = _HEAD.unpack_from(text)
    state, rest = _prefixed(text[_HEAD.size :], 1)
    _, rest = _prefixed(rest, 1)
    more, receipt = _prefixed(rest, 3)
    known = more.decode().split(_GROUP, _MORE_COLUMNS) if more else _PLAIN_MORE
    reason, uncertain, _, duplicates, _, _, _, detail, fold, held, story = known
    kept: Mapping[str, Any] = json.loads(event)
    org_id, event_id = ids_of(name)
    accepted_at = from_milliseconds(int.from_bytes(accepted))
    return Delivery(
        org_id=org_id,
        event_id=event_id,
        state=State(state.decode()),
        reason=reason,
        accepted_at=accepted_at,
        changed_at=from_milliseconds(int.from_bytes(changed)),
        receipt=unpack(receipt),
        due_at=from_milliseconds(int(float(due))) if state == b"deferred" else None,
        attempts=attempts,
        duplicates=int(duplicates),
        uncertain=int(uncertain),
        detail=detail,
        event=kept,
        keeps_message=bool(held),
        changes=int(fold) if fold.isdecimal() else 0,
        **_story(story, org_id, accepted_at, source_of(kept)),
    )


def source_of(event: Mapping[str, Any]) -> str:
    """Return who an event says it is from, or ""."""
    source = event.get("source")
    return source[:_LONGEST_SOURCE] if isinstance(source, str) else ""


def _prefixed(text: bytes, size: int) -> tuple[bytes, bytes]:
    """Return what its length, a number of so many bytes, stands before, and the rest."""
    end = size + int.from_bytes(text[:size])
    return text[size:end], text[end:]


def _from_log(name: bytes, entry_id: bytes, later_duplicates: bytes, verdict: bytes) -> Delivery:
    *columns, receipt = verdict.split(b"\t", _VERDICT_COLUMNS)
    outcome, age, _, attempts, uncertain, duplicates, detail, story = (
        each.decode() for each in columns
    )
    state, _, reason = outcome.partition(":")
    org_id, event_id = ids_of(name)
    changed_at = from_milliseconds(entry_id.partition(b"-")[0])
    accepted_at = changed_at - int(age) * _MILLISECOND
    return Delivery(
        org_id=org_id,
        event_id=event_id,
        state=State(state),
        reason=reason,
        accepted_at=accepted_at,
        changed_at=changed_at,
        receipt=unpack(receipt),
        attempts=int(attempts or 0),
        duplicates=int(duplicates or 0) + int(later_duplicates),
        uncertain=int(uncertain or 0),
        detail=detail,
        **_story(story, org_id, accepted_at),
    )


def _story(text: str, org_id: str, accepted_at: datetime, source: str = "") -> dict[str, Any]:
    what, ruling, fingerprint, history = text.split(_GROUP) if text else [""] * 4
    trigger, _, told_by = what.partition(" ")
    return {
        "trigger": trigger,
        "source": told_by or source,
        "ruling": _decode_ruling(ruling, org_id),
        "recipient": _decode_fingerprint(fingerprint),
        "history": tuple(
            _decode_attempt(line, accepted_at) for line in history.split(_LINE) if line
        ),
    }
