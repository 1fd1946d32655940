"""Auth0's log streams (custom webhook): its tenant log's entries, in one of three forms.

Source: Auth0's documentation of custom log streams and of log event type codes.
"""

from collections.abc import Mapping
from datetime import datetime
from json import dumps
from typing import Any, Final

from dispatcher.connection import Connection
from dispatcher.errors import MalformedEvent
from dispatcher.events import Context, User
from dispatcher.sources.hook import (
    JSON,
    SAMPLE_USER,
    Call,
    KeySet,
    Occurrence,
    Reading,
    Source,
    decode,
    text,
)
from dispatcher.sources.instants import instant
from dispatcher.sources.proof import require_secret

_AUTHORIZATION: Final = "authorization"
_CHANGED: Final = "scp"
"""Success change password; ``scpr`` is only a request, ``fcp`` and ``fcpr`` failed."""

_MASKED: Final = "*"
_LISTS: Final = ("logs", "events")


class Auth0(Source):
    """Auth0's log streams."""

    kind = "auth0"
    title = "Auth0 log streams (custom webhook)"

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the body, whose Authorization is one of the secrets, to the letter."""
        del keys, now
        require_secret(call.header(_AUTHORIZATION), connection.secrets)
        return call.body

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return what the entries tell of passwords."""
        del call, connection
        entries = _entries(content)
        ours = [entry for entry in entries if _type(entry) in {"", _CHANGED}]
        return Reading([_read(entry) for entry in ours], len(entries) - len(ours))

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return one entry, with the newest secret."""
        if not connection.secrets:
            return None
        about = {
            "date": now.isoformat(),
            "type": _CHANGED,
            "user_id": SAMPLE_USER.id,
            "user_name": SAMPLE_USER.email,
            "tenant_name": tenant,
        }
        entry = {"log_id": f"sample-{now.timestamp():.6f}", "data": about}
        headers = {"content-type": JSON, _AUTHORIZATION: connection.secrets[0]}
        return Call(dumps([entry], separators=(",", ":")).encode(), headers)


def _entries(content: bytes) -> list[object]:
    """Return the entries of an array, an object, or lines of objects.

    Raises:
        MalformedEvent: It is none of these.
    """
    try:
        decoded = decode(content)
    except MalformedEvent:
        return _lines(content)
    if isinstance(decoded, list):
        return decoded
    if not isinstance(decoded, dict):
        raise MalformedEvent("expected log entries")
    within = next((decoded[name] for name in _LISTS if isinstance(decoded.get(name), list)), None)
    return [decoded] if within is None else list(within)


def _lines(content: bytes) -> list[object]:
    """Return what each line holds; of the unreadable ones, what is wrong.

    Raises:
        MalformedEvent: All of them are unreadable.
    """
    entries: list[object] = []
    for line in filter(None, map(bytes.strip, content.split(b"\n"))):
        try:
            entries.append(decode(line))
        except MalformedEvent as error:
            entries.append(error)
    if all(isinstance(entry, MalformedEvent) for entry in entries):
        raise MalformedEvent("the body is neither JSON nor lines of JSON in UTF-8")
    return entries


def _type(entry: object) -> str:
    return text(_about(entry), "type")


def _about(entry: object) -> object:
    within = entry.get("data") if isinstance(entry, Mapping) else None
    return within if isinstance(within, Mapping) else entry


def _read(entry: object) -> Occurrence | MalformedEvent:
    if isinstance(entry, MalformedEvent):
        return entry
    about = _about(entry)
    if not isinstance(entry, Mapping) or not isinstance(about, Mapping) or not _type(entry):
        return MalformedEvent("an entry is no JSON object with a type")
    try:
        return _occurrence(text(entry, "log_id") or text(about, "log_id"), about)
    except MalformedEvent as error:
        return error


def _occurrence(log_id: str, about: Mapping[str, Any]) -> Occurrence:
    if not log_id:
        raise MalformedEvent("an entry has no log_id")
    name = text(about, "user_name")
    login = None if _MASKED in name else name or None  # streams can mask what is personal
    return Occurrence(
        native_id=log_id,
        user=User(id=text(about, "user_id") or None, email=login, login_name=login),
        occurred_at=instant(about.get("date")),
        tenant=text(about, "tenant_name"),
        context=Context(
            ip=text(about, "ip") or None,
            user_agent=text(about, "user_agent") or None,
            client=text(about, "client_name") or None,
        ),
    )


SOURCE: Final = Auth0()
