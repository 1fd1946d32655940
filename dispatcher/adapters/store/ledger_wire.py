"""How the ledger's operations are put to ``lua/ledger.lua``, and its answers read."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from hashlib import sha1
from typing import Any, Final

from dispatcher.adapters.store.codec import (
    decode_message,
    encode_message,
    encode_story,
    from_milliseconds,
    plain,
    to_json,
    to_milliseconds,
)
from dispatcher.adapters.store.names import ids_of, name_of, pack, to_bytes
from dispatcher.delivery import Dead, Deferred, Report, Sent, Skipped
from dispatcher.events import Event
from dispatcher.ledger import Fold
from dispatcher.ports import Claim, Kinship, Parcel, Refusal

Operation = tuple[bytes, ...]
"""An operation's name and its arguments."""

_BUCKETS: Final = 16384
"""As in ``lua/common.lua``."""


def claim(event: Event, receipt: str, nonce: bytes) -> Operation:
    """Return the operation that takes an event."""
    name, mark, bucket = _address(event.org_id, event.id)
    asked = b"%c%b\0\0\0%b" % (len(nonce), nonce, pack(receipt))
    return (b"claim", name, mark, bucket, asked, to_json(event.to_wire()))


def accept(parcel: Parcel, occurred_at: datetime, kinship: Kinship | None) -> Operation:
    """Return the operation that takes a parcel's event in before it is on the queue."""
    event = parcel.event
    kin, telling = b"", b""
    if kinship is not None:
        window, at = round(kinship.window * 1000), to_milliseconds(occurred_at)
        kin, telling = kinship.digest, b"%d %d %b" % (window, at, to_bytes(event["id"]))
    address = _address(event["org_id"], event["id"])
    return (b"accept", *address, pack(parcel.receipt), to_json(event), kin, telling)


def accepted(parcel: Parcel, answer: Any) -> Parcel | Refusal:  # noqa: ANN401 - a script's answer
    """Return what was answered to that: the parcel, ready to be published, or why it is not."""
    if isinstance(answer, bytes):
        return Refusal(answer.decode())
    name = name_of(parcel.event["org_id"], parcel.event["id"])
    return replace(parcel, taking=b"%d %b" % (answer, name))


def claimed(event: Event, answer: Any) -> Claim | Refusal:  # noqa: ANN401 - a script's answer
    """Return what was answered to a claim."""
    if isinstance(answer, bytes):
        return Refusal(answer.decode())
    if isinstance(answer, int):  # a new event's first claim: when it was granted says it all
        return Claim(event.org_id, event.id, 1, 1, 0, from_milliseconds(answer))
    token, attempt, crashes, accepted, revived, changes, content = answer
    return Claim(
        event.org_id,
        event.id,
        token,
        attempt,
        crashes,
        from_milliseconds(accepted),
        revived_at=from_milliseconds(revived) if revived else None,
        message=decode_message(content),
        changes=changes,
    )


def record(held: Claim, report: Report) -> Operation:
    """Return the operation that writes what became of a claim."""
    name, mark, bucket = _address(held.org_id, held.event_id)
    told = name, b"%d" % held.token, encode_story(report, held)
    match report.outcome:
        case Sent():
            return (b"send", *told, mark, bucket)
        case Skipped(reason, detail):
            return (b"skip", *told, mark, bucket, reason.encode(), to_bytes(plain(detail)))
        case Deferred(reason, delay, burns):
            milliseconds = b"%d" % round(delay * 1000)
            return (b"defer", *told, reason.encode(), milliseconds, b"1" if burns else b"0")
        case Dead(reason, detail):
            kept = encode_message(report.message)
            return (b"die", *told, reason.encode(), to_bytes(plain(detail)), kept)


def reject(
    evidence: Mapping[str, Any], org_id: str, event_id: str, receipt: str, detail: str
) -> Operation:
    """Return the operation that keeps a malformed event."""
    names = pack(org_id), pack(event_id), pack(receipt)
    return (b"reject", *names, to_bytes(plain(detail)), to_json(dict(evidence)))


def fold(held: Claim, subject: str, window: float) -> Operation:
    """Return the operation that asks how a change is told."""
    name = name_of(held.org_id, held.event_id)
    return (b"fold", name, b"%d" % held.token, to_bytes(subject), b"%d" % round(window * 1000))


def folded(answer: Any) -> Fold:  # noqa: ANN401 - a script's answer
    """Return what was answered to that."""
    changes, wait, into = answer
    return Fold(int(changes), wait / 1000, ids_of(into)[1] if into else "")


def queued(parcel: Parcel) -> Operation:
    """Return the operation that notes that a parcel is on the queue."""
    token, _, name = parcel.taking.partition(b" ")
    return (b"queued", name, token)


def release(held: Claim) -> Operation:
    """Return the operation that gives a claim back."""
    return (b"release", name_of(held.org_id, held.event_id), b"%d" % held.token)


def renew(held: Claim) -> Operation:
    """Return the operation that renews a claim's lease."""
    return (b"renew", name_of(held.org_id, held.event_id), b"%d" % held.token)


@lru_cache(maxsize=4096)  # a claim is followed by its record
def _address(org_id: str, event_id: str) -> tuple[bytes, bytes, bytes]:
    name = name_of(org_id, event_id)
    return (name, *place(name))


def place(name: bytes) -> tuple[bytes, bytes]:
    """Return a finished delivery's mark in the index and its bucket, as ``lua/common.lua`` does."""
    digest = sha1(name, usedforsecurity=False).digest()
    return digest[:8], b"%d" % (int.from_bytes(digest[8:10]) % _BUCKETS)
