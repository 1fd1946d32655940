"""Binding: what a source tells becomes an event of an organization that it may speak for."""

from dataclasses import asdict, replace
from hashlib import sha256
from typing import Final

from pydantic import TypeAdapter, ValidationError

from dispatcher.connection import Connection, Origin
from dispatcher.events import PASSWORD_CHANGED, Event, User
from dispatcher.sources import native
from dispatcher.sources._fields import EventId
from dispatcher.sources.hints import a_locale, an_address
from dispatcher.sources.hook import SAMPLE_USER, Occurrence

_PREVIOUS: Final = "/previous"
_NOBODY: Final = frozenset({SAMPLE_USER.id, SAMPLE_USER.email})
_EVENT_ID: Final[TypeAdapter[str]] = TypeAdapter(EventId)


def bind(connection: Connection, occurrence: Occurrence) -> tuple[Event, ...]:
    """Return the events that tell of an occurrence; none where it is nobody's here.

    None either where it is a sample's: that a connection works is tried without a mail.

    There is a second one, for the previous mailbox, where the address was changed as well:
    whoever took an account over changes both, and the owner still reads the old one.

    Raises:
        MalformedEvent: It breaks a rule of our format.
    """
    org_id = connection.organization_of(occurrence.tenant)
    if org_id is None or _is_nobody(occurrence.user):
        return ()
    wire = {
        "id": _event_id(connection, occurrence),
        "org_id": org_id,
        "type": occurrence.type,
        "user": asdict(_plausible(occurrence.user)),
        "occurred_at": occurrence.occurred_at.isoformat(),
        "change": occurrence.change.value,
        "actor": asdict(occurrence.actor),
        "context": asdict(occurrence.context),
        "source": str(Origin(connection.name, occurrence.tenant)),
    }
    return for_each_mailbox(native.parse(wire))


def for_each_mailbox(event: Event) -> tuple[Event, ...]:
    """Return an event of a changed password for each mailbox that is to be told; others as is.

    The second one is for the mailbox before a change of the address.
    """
    user = event.user
    if event.type != PASSWORD_CHANGED or user.previous_email is None:
        return (event,)
    current = replace(event, user=replace(user, previous_email=None))
    if user.email is not None and user.email.casefold() == user.previous_email.casefold():
        return (current,)
    second = replace(event, id=_valid_id(event.id + _PREVIOUS, ""), user=_owner_before(user))
    return (current, second) if user.id or user.email else (second,)


def _is_nobody(user: User) -> bool:
    """Tell whether that is the samples' user, and nobody else in any respect."""
    named = {user.id, user.email, user.previous_email} - {None}
    return bool(named) and user.id in {None, SAMPLE_USER.id} and named <= _NOBODY


def _owner_before(user: User) -> User:
    before = user.before()
    # Without a current address, no directory is asked for one: this is for the previous mailbox.
    return replace(before, email=None) if user.id else before


def _plausible(user: User) -> User:
    """Return the user without hints that cannot be true: a wrong one costs no mail."""
    return replace(
        user,
        id=user.id or None,
        email=an_address(user.email),
        previous_email=an_address(user.previous_email),
        locale=a_locale(user.locale),
    )


def _event_id(connection: Connection, occurrence: Occurrence) -> str:
    if occurrence.is_event_id:
        return occurrence.native_id
    prefix = f"{connection.kind}:{connection.name}:"
    return _valid_id(prefix + occurrence.native_id, prefix)


def _valid_id(event_id: str, prefix: str) -> str:
    """Return the id, or one made from it where it is too long or has characters that ours lack."""
    try:
        return _EVENT_ID.validate_python(event_id)
    except ValidationError:
        return prefix + sha256(event_id.encode(errors="surrogatepass")).hexdigest()
