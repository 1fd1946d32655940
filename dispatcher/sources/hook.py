"""What every source that calls us has in common: a call, what it tells, how it is answered.

::

    Call ─ verify ─▶ content ─ parse ─▶ Reading of Occurrences ─ binding.bind ─▶ Events
"""

import json
from abc import ABC, abstractmethod
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Final, NoReturn, Protocol

from dispatcher.connection import Connection
from dispatcher.errors import DispatcherError, MalformedEvent, UntrustedEvent
from dispatcher.events import PASSWORD_CHANGED, Actor, Change, Context, User

SAMPLE_USER: Final = User(id="sample-user", email="sample.user@example.invalid")
"""Nobody: RFC 2606 section 2 keeps that domain from ever being anyone's."""

JSON: Final = "application/json"
_RETRY_AFTER: Final = 5


@dataclass(frozen=True, slots=True)
class Call:
    """What an IAM sent.

    Args:
        body: Its raw bytes: signatures are over these.
        headers: Names in lower case.
        method: HTTP's.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"

    def header(self, name: str) -> str:
        """Return a header's value, "" where there is none; *name* in lower case."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Reply:
    """What we answer an IAM.

    Args:
        status: HTTP's.
        body: Its JSON, or None for an empty one.
        headers: Further headers.
    """

    status: int
    body: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One thing that happened, as its source tells it: not yet bound to an organization.

    Args:
        native_id: The source's name for it, the same over its retries.
        user: The subject; never whoever acted. What is said of them is a hint: what cannot be
            an address or a locale is left out.
        occurred_at: When, aware UTC.
        tenant: The source's name for whose it is; "" where it names none.
        type: CloudEvents' type.
        change: How it came about.
        actor: Who made the change.
        context: From where the subject made it; an administrator's place is not theirs.
        is_event_id: Whether *native_id* is the event's id already: its source speaks our format.
    """

    native_id: str
    user: User
    occurred_at: datetime
    tenant: str = ""
    type: str = PASSWORD_CHANGED
    change: Change = Change.UNKNOWN
    actor: Actor = field(default_factory=Actor)
    context: Context = field(default_factory=Context)
    is_event_id: bool = False


@dataclass(frozen=True, slots=True)
class Reading:
    """What a call tells.

    Args:
        found: Each thing that concerns us, or what is wrong with it.
        ignored: How many it tells of that do not: other types, failed tries.
        reply: What to answer in place of the usual, such as a challenge's answer.
    """

    found: Sequence[Occurrence | MalformedEvent] = ()
    ignored: int = 0
    reply: Reply | None = None


class VerificationKey(Protocol):
    """One of an issuer's public keys."""

    def verifies(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Tell whether this key's owner signed these bytes."""
        ...


class KeySet(Protocol):
    """An issuer's public keys, rotated by the issuer."""

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """Return the keys that may have signed: those of that id, or all without one.

        Raises:
            IssuerUnavailable: There is none among those known, and the issuer is away.
        """
        ...


class NoKeys:
    """The keys of a connection whose calls no public key proves."""

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """Return none."""
        del key_id, algorithm
        return ()


class Source(ABC):
    """One kind of IAM: how its calls are verified, read and answered.

    ``verify`` and ``parse`` are pure but for the key set: no clock, no network, no store.
    """

    kind: ClassVar[str]
    """Its name in ``dispatcher connection add --kind``."""

    title: ClassVar[str]
    """Its name for people."""

    twin_window: ClassVar[float] = 0.0
    """Seconds within which it may tell one change twice, under two ids; 0 where it does not."""

    options: ClassVar[Mapping[str, str]] = {}
    """The options that its connections may have: name → what it says, in one line."""

    def new_secret(self, connection: Connection, octets: bytes) -> str | None:
        """Return 32 random octets as a secret of this kind, to be entered at the IAM.

        None where the IAM hands out its own, or where such a connection needs none.
        """
        del connection
        return urlsafe_b64encode(octets).decode().rstrip("=")

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with a connection of this kind: by default, a missing secret."""
        return () if connection.secrets else ("a secret is required: it proves calls",)

    def greet(self, call: Call, connection: Connection) -> Reply | None:
        """Return the answer to a call that only asks whether we are there, or None."""
        del call, connection
        return None

    @abstractmethod
    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return what the call says, now that it is known to come from who it claims.

        Raises:
            UntrustedEvent: It is not proven, or too old; its ``id`` is the source's word for why.
            IssuerUnavailable: That cannot be told: the issuer's keys are not to be had.
        """

    @abstractmethod
    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return what a verified call tells; nothing of password material is in it.

        Raises:
            MalformedEvent: All of it is unreadable.
        """

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return a proven call that tells of a password change by ``SAMPLE_USER``.

        None where only the IAM can prove one, as with a private key of its own.

        Args:
            connection: Whose secret proves it.
            now: When the change was made and the call is sent; another time is another change.
            tenant: The source's name for whose it is; "" names none where the kind allows that.
        """
        del connection, now, tenant
        return None

    def accepted(self) -> Reply:
        """Return the answer to a call whose events are durable, known already, or ignored."""
        return Reply(202)

    def refused(self, error: DispatcherError) -> Reply:
        """Return the answer to a call that is not proven, unreadable, or came while we cannot."""
        body = {"message": str(error)}
        if error.retryable:
            return Reply(503, body, {"retry-after": str(_RETRY_AFTER)})
        return Reply(401 if isinstance(error, UntrustedEvent) else 400, body)


def decode(content: bytes) -> Any:  # noqa: ANN401 - any JSON
    """Return the JSON that *content* holds.

    Raises:
        MalformedEvent: It holds none.
    """
    try:
        return json.loads(content, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise MalformedEvent("the body is no JSON in UTF-8") from None


def decode_object(content: bytes) -> Mapping[str, Any]:
    """Return the JSON object that *content* holds.

    Raises:
        MalformedEvent: It holds none.
    """
    decoded = decode(content)
    if isinstance(decoded, dict):
        return decoded
    raise MalformedEvent("the body is no JSON object")


def text(parent: object, *path: str) -> str:
    """Return the text at the end of a path into decoded JSON; "" where there is none.

    Lone surrogates, which no encoding can carry, are replaced.
    """
    for name in path:
        parent = parent.get(name) if isinstance(parent, Mapping) else None
    if isinstance(parent, bool):
        return ""
    found = str(parent) if isinstance(parent, str | int) else ""
    return found if found.isascii() else found.encode(errors="replace").decode()


def _no_number(constant: str) -> NoReturn:
    raise ValueError(constant)  # RFC 8259 section 6 knows neither NaN nor Infinity
