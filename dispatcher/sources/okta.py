"""Okta's event hooks: entries of its System Log, in batches, behind a secret of ours.

Source: Okta's documentation of event hooks and of the System Log's LogEvent.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from json import dumps
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

from dispatcher.connection import Connection
from dispatcher.errors import MalformedEvent
from dispatcher.events import Actor, ActorKind, Change, Context, User
from dispatcher.sources.hook import (
    JSON,
    SAMPLE_USER,
    Call,
    KeySet,
    Occurrence,
    Reading,
    Reply,
    Source,
    decode_object,
    text,
)
from dispatcher.sources.instants import instant
from dispatcher.sources.proof import is_secret, require_secret

_CHALLENGE: Final = "x-okta-verification-challenge"
_UPDATE: Final = "user.account.update_password"
_RESET: Final = "user.account.reset_password"
_SUCCESS: Final = "SUCCESS"
_USER: Final = "User"
_IGNORE: Final = "ignore"


class Okta(Source):
    """Okta's event hooks."""

    kind = "okta"
    title = "Okta event hooks"
    twin_window = 10.0  # resetting a password may log both kinds of entry
    options: ClassVar[Mapping[str, str]] = {
        "header": "the header that holds the secret; without it, Authorization",
        "resets": f"{_IGNORE}: {_RESET}, which may only begin a reset, causes no mail",
    }

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with its secrets and options."""
        usual = super().mistakes(connection)
        if connection.options.get("resets", _IGNORE) == _IGNORE:
            return usual
        return (*usual, f"the option resets can only be {_IGNORE}")

    def greet(self, call: Call, connection: Connection) -> Reply | None:
        """Return the answer to the one-time verification, which comes with the secret, too."""
        challenge = call.header(_CHALLENGE)
        if call.method != "GET" or not challenge:
            return None
        if not is_secret(_presented(call, connection), connection.secrets):
            return None
        return Reply(200, {"verification": challenge})

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the body, which comes with one of the secrets: Okta signs nothing."""
        del keys, now
        require_secret(_presented(call, connection), connection.secrets)
        return call.body

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return what the batch tells of passwords."""
        del call
        batch = decode_object(content)
        carried = batch.get("data")
        entries = carried.get("events") if isinstance(carried, Mapping) else None
        if not isinstance(entries, list):
            raise MalformedEvent("data.events: expected a list")
        told = {_UPDATE} if connection.options.get("resets") == _IGNORE else {_UPDATE, _RESET}
        ours = [entry for entry in entries if not _is_other(entry, told)]
        tenant = _host(text(batch, "source"))
        return Reading([_read(entry, tenant) for entry in ours], len(entries) - len(ours))

    def accepted(self) -> Reply:
        """Return 200, which Okta takes for delivered."""
        return Reply(200)

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return a batch of one, with the newest secret."""
        if not connection.secrets:
            return None
        target = {"id": SAMPLE_USER.id, "type": _USER, "alternateId": SAMPLE_USER.email}
        entry = {
            "uuid": f"sample-{now.timestamp():.6f}",
            "published": now.isoformat(),
            "eventType": _UPDATE,
            "outcome": {"result": _SUCCESS},
            "actor": target,
            "target": [target],
        }
        source = f"https://{tenant or 'sample.invalid'}/api/v1/eventHooks/sample"
        body = {"source": source, "data": {"events": [entry]}}
        headers = {"content-type": JSON, _header(connection): connection.secrets[0]}
        return Call(dumps(body, separators=(",", ":")).encode(), headers)


def _header(connection: Connection) -> str:
    return connection.options.get("header", "authorization").lower()


def _presented(call: Call, connection: Connection) -> str:
    return call.header(_header(connection))


def _is_other(entry: object, told: set[str]) -> bool:
    """Tell whether an entry is of another type, or tells of a try that failed."""
    if not isinstance(entry, Mapping):
        return False  # that is unreadable
    return text(entry, "eventType") not in told or text(entry, "outcome", "result") != _SUCCESS


def _read(entry: object, tenant: str) -> Occurrence | MalformedEvent:
    try:
        if isinstance(entry, Mapping):
            return _occurrence(entry, tenant)
    except MalformedEvent as error:
        return error
    return MalformedEvent("an element of data.events is no JSON object")


def _occurrence(entry: Mapping[str, Any], tenant: str) -> Occurrence:
    subject, name = _subject(entry), text(entry, "uuid")
    if not name:
        raise MalformedEvent("an entry has no uuid")
    actor = _actor(entry, text(subject, "id"))
    login = _known(text(subject, "alternateId"))
    return Occurrence(
        native_id=name,
        user=User(
            id=text(subject, "id"),
            email=login,  # often an address; one that is none is left out on the way
            display_name=_known(text(subject, "displayName")),
            login_name=login,
        ),
        occurred_at=instant(entry.get("published")),
        tenant=tenant,
        change=_change(text(entry, "eventType"), actor.kind),
        actor=actor,
        context=_context(entry) if actor.kind is ActorKind.USER else Context(),
    )


def _subject(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    targets = entry.get("target")
    for target in targets if isinstance(targets, list) else ():
        if text(target, "type") == _USER and text(target, "id"):
            return dict(target)
    raise MalformedEvent("an entry has no target that is a user")


def _actor(entry: Mapping[str, Any], subject_id: str) -> Actor:
    actor_id = text(entry, "actor", "id")
    if actor_id == subject_id:
        kind = ActorKind.USER
    elif not actor_id:
        kind = ActorKind.UNKNOWN
    else:
        is_person = text(entry, "actor", "type") == _USER
        kind = ActorKind.ADMIN if is_person else ActorKind.SYSTEM
    return Actor(kind, actor_id or None)


def _change(event_type: str, actor: ActorKind) -> Change:
    if event_type == _RESET:
        return Change.RESET if actor is ActorKind.USER else Change.ADMIN_RESET
    changes = {ActorKind.USER: Change.CHANGE, ActorKind.ADMIN: Change.ADMIN_RESET}
    return changes.get(actor, Change.UNKNOWN)


def _context(entry: Mapping[str, Any]) -> Context:
    places = [text(entry, "client", "geographicalContext", part) for part in ("city", "country")]
    return Context(
        ip=text(entry, "client", "ipAddress") or None,
        user_agent=text(entry, "client", "userAgent", "rawUserAgent") or None,
        place=", ".join(filter(None, places)) or None,
    )


def _known(name: str) -> str | None:
    return None if name in {"", "unknown"} else name  # what Okta writes where it has none


def _host(source: str) -> str:
    try:
        return (urlsplit(source).hostname or "").lower()
    except ValueError:
        return ""


SOURCE: Final = Okta()
