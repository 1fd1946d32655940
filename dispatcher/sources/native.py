"""Our own event format: what ``dispatcher.event`` takes as its argument.

The rules are those of the README's table *The event*. Unknown fields are ignored
and never kept; of a malformed event, only known fields are.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    StrictBool,
    TypeAdapter,
    ValidationError,
    model_validator,
)
from pydantic_core import to_json

from dispatcher.errors import MalformedEvent
from dispatcher.events import (
    PASSWORD_CHANGED,
    Actor,
    ActorKind,
    Change,
    Context,
    Event,
    User,
    is_traceparent,
)
from dispatcher.sources._fields import (
    Address,
    EventId,
    Identifier,
    Locale,
    OrgId,
    Part,
    Text,
    Time,
    reasons,
    without_nulls,
)
from dispatcher.triggers import discover

MAX_EVENT_SIZE: Final = 16 * 1024
"""Bytes of an event's JSON, in UTF-8."""


class _User(Part):
    id: Identifier | None = None
    email: Address | None = None
    display_name: Text | None = None
    login_name: Text | None = None
    locale: Locale | None = None
    email_verified: StrictBool | None = None
    previous_email: Address | None = None

    @model_validator(mode="after")
    def _names_someone(self) -> "_User":
        if self.id is None and self.email is None:
            raise ValueError("expected an id or an email")
        return self


class _Actor(Part):
    kind: Literal["user", "admin", "system", "unknown"] = "unknown"
    id: Identifier | None = None


class _Context(Part):
    ip: Text | None = None
    user_agent: Text | None = None
    client: Text | None = None
    place: Text | None = None


_TYPES: Final = discover().types


def _known_type(value: str) -> str:
    if value in _TYPES:
        return value
    raise ValueError(f"expected {' or '.join(map(repr, sorted(_TYPES)))}")


_NullsAreAbsent = BeforeValidator(without_nulls)


def _traceparent(value: object) -> str | None:
    # W3C Trace Context section 4.3: what is invalid is ignored, for a trace is worth no mail.
    return str(value) if is_traceparent(value) else None


class _Event(Part):
    id: EventId
    org_id: OrgId
    user: Annotated[_User, _NullsAreAbsent]
    occurred_at: Time
    change: Literal["change", "reset", "admin_reset", "temporary", "unknown"] = "unknown"
    actor: Annotated[_Actor, _NullsAreAbsent] = _Actor()
    context: Annotated[_Context, _NullsAreAbsent] = _Context()
    source: Text | None = None
    type: Annotated[str, AfterValidator(_known_type)] = PASSWORD_CHANGED
    traceparent: Annotated[str | None, BeforeValidator(_traceparent)] = None


_PARTS: Final[Mapping[str, type[Part]]] = {"user": _User, "actor": _Actor, "context": _Context}
_EVENT_ID: Final[TypeAdapter[str]] = TypeAdapter(EventId)
_ORG_ID: Final[TypeAdapter[str]] = TypeAdapter(OrgId)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is kept of a malformed event: whose it claims to be, and its known fields.

    ``org_id`` and ``event_id`` are "" where the event names no valid ones.
    """

    org_id: str
    event_id: str
    known: Mapping[str, Any]


def parse(raw: object) -> Event:
    """Return the event that *raw*, decoded JSON, describes.

    Raises:
        MalformedEvent: It breaks a rule; the text names each field and what was
            expected, and holds nothing of what was there.
    """
    if not isinstance(raw, Mapping):
        raise MalformedEvent(f"expected a JSON object with an event, got {_json_type(raw)}")
    if _size(raw) > MAX_EVENT_SIZE:
        raise MalformedEvent(f"the event is larger than {MAX_EVENT_SIZE} bytes")
    try:
        checked = _Event.model_validate(without_nulls(raw))
    except ValidationError as error:
        raise MalformedEvent(reasons(error)) from None
    return _core(checked)


def evidence(raw: object) -> Evidence:
    """Return what may be kept of a malformed event: no unknown field, nothing over-size."""
    if not isinstance(raw, Mapping):
        return Evidence("", "", {})
    org_id, event_id = _valid(_ORG_ID, raw.get("org_id")), _valid(_EVENT_ID, raw.get("id"))
    known = {name: _known(name, raw[name]) for name in _Event.model_fields if name in raw}
    if _size(known) > MAX_EVENT_SIZE:
        known = {"org_id": org_id, "id": event_id}
    return Evidence(org_id, event_id, known)


def valid_org_id(value: object) -> str | None:
    """Return *value* where it is a valid organization id, else None."""
    return _valid(_ORG_ID, value) or None


def _core(checked: _Event) -> Event:
    user, actor, context = checked.user, checked.actor, checked.context
    return Event(
        id=checked.id,
        org_id=checked.org_id,
        type=checked.type,
        user=User(
            user.id,
            user.email,
            user.display_name,
            user.login_name,
            user.locale,
            user.email_verified,
            user.previous_email,
        ),
        occurred_at=checked.occurred_at.astimezone(UTC),
        change=Change(checked.change),
        actor=Actor(ActorKind(actor.kind), actor.id),
        context=Context(context.ip, context.user_agent, context.client, context.place),
        source=checked.source,
        traceparent=checked.traceparent,
    )


def _known(name: str, value: object) -> object:
    part = _PARTS.get(name)
    if part is not None and isinstance(value, Mapping):
        return {field: _plain(value[field]) for field in part.model_fields if field in value}
    return _plain(value)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()  # lone surrogates cannot be stored
    return value if isinstance(value, int | float | None) else _json_type(value)


def _valid(rule: TypeAdapter[str], value: object) -> str:
    try:
        return rule.validate_python(value)
    except ValidationError:
        return ""


def _size(raw: object) -> int:
    try:
        return len(to_json(raw, fallback=str))
    except ValueError:  # a lone surrogate in some text
        text = json.dumps(raw, ensure_ascii=False, separators=(",", ":"), default=str)
        return len(text.encode(errors="surrogatepass"))


def _json_type(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    return names.get(type(value), "null" if value is None else "a number")
