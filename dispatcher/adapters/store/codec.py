"""How a delivery's story is written in the store, and read back.

Short by design: a finished delivery is to cost 200 bytes at most. Columns are
separated by tabs, an attempt's by unit separators, attempts by record separators.
Times are milliseconds since 1970; an attempt's, counted from acceptance, and its
duration are microseconds.
"""

import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from dispatcher.delivery import Attempt, Delivery, Phase, Ruling, State

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_MILLISECOND: Final = timedelta(milliseconds=1)
_UUID_MARK: Final = b"\0"
_UUID: Final = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_UUID_LENGTH: Final = 36
_FINGERPRINT: Final = re.compile("[0-9a-f]{16}")
_BASE64_MARK: Final = "~"
_CONTROLS: Final = dict.fromkeys(range(32), " ")
_COLUMN: Final = "\x1f"
_LINE: Final = "\x1e"
_RECORD_COLUMNS: Final = 18

to_json: Final = json.JSONEncoder(separators=(",", ":")).encode
"""ASCII only: a lone surrogate in somebody's name must not fail to encode."""


def to_bytes(text: str | bytes) -> bytes:
    """Return text in UTF-8; what UTF-8 cannot say is escaped, never refused."""
    return text if isinstance(text, bytes) else text.encode(errors="backslashreplace")


def from_milliseconds(text: bytes | int) -> datetime:
    """Return the aware UTC time that is so many milliseconds after 1970."""
    return _EPOCH + int(text) * _MILLISECOND


def to_milliseconds(moment: datetime) -> int:
    """Return an aware time as whole milliseconds since 1970."""
    return (moment - _EPOCH) // _MILLISECOND


def from_microseconds(text: bytes) -> datetime:
    """Return the aware UTC time that is so many microseconds after 1970."""
    return _EPOCH + int(text) * _MICROSECOND


def encode_ruling(ruling: Ruling | None, org_id: str) -> str:
    """Return a ruling as its sequence and, unless it is the organization itself, its owner."""
    if ruling is None:
        return ""
    return str(ruling.sequence) if ruling.owner == org_id else f"{ruling.sequence} {ruling.owner}"


def _decode_ruling(text: str, org_id: str) -> Ruling | None:
    sequence, _, owner = text.partition(" ")
    return Ruling(owner or org_id, int(sequence)) if sequence else None


def pack(text: str) -> bytes:
    """Return a canonical UUID as NUL and 16 bytes instead of 36, anything else in UTF-8."""
    if len(text) == _UUID_LENGTH and _UUID.fullmatch(text):
        return _UUID_MARK + bytes.fromhex(text.replace("-", ""))
    return to_bytes(text)


def unpack(packed: bytes) -> str:
    """Return the text that was packed."""
    if packed.startswith(_UUID_MARK):
        return str(UUID(bytes=packed[1:]))
    return packed.decode()


def encode_fingerprint(fingerprint: str) -> str:
    """Return a fingerprint's 16 hexadecimal digits as a mark and 11 characters of base64."""
    if not _FINGERPRINT.fullmatch(fingerprint):
        return plain(fingerprint)
    return _BASE64_MARK + b64encode(bytes.fromhex(fingerprint)).decode().rstrip("=")


def _decode_fingerprint(text: str) -> str:
    return b64decode(text[1:] + "=").hex() if text.startswith(_BASE64_MARK) else text


def plain(text: str) -> str:
    """Return text on one line, without the characters that divide the columns of a record."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def encode_attempt(attempt: Attempt | None, accepted_at: datetime) -> str:
    """Return an attempt as one line; what every success has in common is left out."""
    if attempt is None:
        return ""
    columns = (
        attempt.number,
        (attempt.at - accepted_at) // _MICROSECOND,
        round(attempt.duration * 1e6),
        "" if attempt.result == State.SENT else attempt.result,
        attempt.relay,
        "" if attempt.phase == Phase.FINAL else attempt.phase or "-",
        "" if attempt.code is None else attempt.code,
        attempt.enhanced,
    )
    return _COLUMN.join([plain(str(column)) for column in columns])


def _decode_attempt(line: str, accepted_at: datetime) -> Attempt:
    number, at, duration, result, relay, phase, code, enhanced = line.split(_COLUMN)
    return Attempt(
        int(number),
        accepted_at + int(at) * _MICROSECOND,
        int(duration) / 1e6,
        result or State.SENT.value,
        relay,
        Phase.FINAL.value if not phase else phase.removeprefix("-"),
        int(code) if code else None,
        enhanced,
    )


def decode_delivery(reply: Sequence[Any]) -> Delivery:
    """Return the delivery that ``lua/log.lua`` answered with."""
    return _from_record(*reply[1:]) if reply[0] == b"record" else _from_log(*reply[1:])


def _from_record(org: bytes, name: bytes, due: bytes, text: bytes, event: bytes) -> Delivery:
    *columns, receipt = text.split(b"\t", _RECORD_COLUMNS - 1)
    (state, reason, accepted, changed, _, attempts, uncertain, _, duplicates) = columns[:9]
    org_id, accepted_at = org.decode(), from_milliseconds(accepted)
    kept: Mapping[str, Any] = json.loads(event)
    return Delivery(
        org_id=org_id,
        event_id=name.decode(),
        state=State(state.decode()),
        reason=reason.decode(),
        accepted_at=accepted_at,
        changed_at=from_milliseconds(changed),
        receipt=unpack(receipt),
        due_at=from_milliseconds(int(float(due))) if state == b"deferred" else None,
        attempts=int(attempts),
        duplicates=int(duplicates),
        uncertain=int(uncertain),
        event=kept,
        **_story(columns[-5:], org_id, accepted_at),
    )


def _from_log(entry_id: bytes, later_duplicates: bytes, flat: Sequence[bytes]) -> Delivery:
    org, name, receipt, rest = flat[1::2]
    outcome, age, _, attempts, uncertain, duplicates, *story = rest.split(b"\t")
    state, _, reason = outcome.decode().partition(":")
    org_id = unpack(org)
    changed_at = from_milliseconds(entry_id.partition(b"-")[0])
    accepted_at = changed_at - int(age) * _MILLISECOND
    return Delivery(
        org_id=org_id,
        event_id=unpack(name),
        state=State(state),
        reason=reason,
        accepted_at=accepted_at,
        changed_at=changed_at,
        receipt=unpack(receipt),
        attempts=int(attempts or 0),
        duplicates=int(duplicates or 0) + int(later_duplicates),
        uncertain=int(uncertain or 0),
        **_story(story, org_id, accepted_at),
    )


def _story(columns: Sequence[bytes], org_id: str, accepted_at: datetime) -> dict[str, Any]:
    trigger, ruling, fingerprint, detail, history = (column.decode() for column in columns)
    return {
        "trigger": trigger,
        "ruling": _decode_ruling(ruling, org_id),
        "recipient": _decode_fingerprint(fingerprint),
        "detail": detail,
        "history": tuple(
            _decode_attempt(line, accepted_at) for line in history.split(_LINE) if line
        ),
    }
