"""Every error this package raises, in one tree.

::

    DispatcherError                     retryable = False
    ├── ConfigError                     start-up only; the process exits
    ├── RejectedInput                   the caller's fault
    │   ├── MalformedEvent
    │   ├── UntrustedEvent
    │   ├── UnknownTrigger
    │   ├── InvalidPolicy
    │   ├── PolicyNotFound, PolicyExists, PolicyUnchanged
    │   ├── DeliveryNotFound
    │   ├── InvalidSender
    │   ├── SenderNotFound
    │   ├── InvalidLook
    │   ├── LookNotFound
    │   ├── InvalidConnection
    │   ├── ConnectionNotFound
    │   ├── InvalidGrant
    │   └── TokenNotFound
    ├── AccessError                     the caller may not
    │   ├── Unauthenticated
    │   ├── MembershipNotFound          has no role in that organization, which may not exist
    │   ├── PermissionDenied
    │   └── RateLimited
    ├── RenderError                     our template's fault
    ├── StoreUnavailable                retryable
    ├── IssuerUnavailable               retryable: whether a token is valid cannot be told now
    ├── FeedUnavailable                 retryable: events cannot be fetched where they are
    ├── DirectoryError                  retryable: who is to be told cannot be learnt now
    │   ├── DirectoryUnavailable        it is away, or answers nonsense
    │   ├── DirectoryRefused            it does not let us in: whoever set it up can mend it
    │   └── DirectoryThrottled          it wants to be asked less
    ├── SecretUnreadable                retryable: whoever has the key can mend it
    │   ├── SenderUnreadable
    │   └── ConnectionUnreadable
    └── TransportError                  a relay did not take the message
        ├── TransientTransportError     retryable: 4yz, a time-out, a lost connection
        │   ├── RelayFault              the relay's own trouble: burns no attempt
        │   ├── Throttled               the relay wants less at a time: burns no attempt
        │   └── UncertainDelivery       no reply after the final dot
        └── PermanentTransportError     5yz on the message
            └── RecipientRefused        5yz on the recipient

Vendor exceptions stop in the adapter that met them. A message never holds an
address, a token or a body: it may end in a log.
"""

from typing import ClassVar


class DispatcherError(Exception):
    """The root of everything raised on purpose; ``retryable`` is what the judge reads."""

    retryable: ClassVar[bool] = False
    usual_id: ClassVar[str] = ""

    def __init__(self, *arguments: object, id: str = "") -> None:  # noqa: A002 - the API's word
        """Make an error; callers of the API know its very case by *id*, such as ORG-x029n3."""
        super().__init__(*arguments)
        self.id = id or self.usual_id


class ConfigError(DispatcherError):
    """The settings cannot work; the text names every mistake and what to write instead."""


class RejectedInput(DispatcherError):
    """Something from outside breaks a rule of the interface."""


class MalformedEvent(RejectedInput):
    """An event breaks the rules of its format."""


class UntrustedEvent(RejectedInput):
    """A call that claims to bring events could not be verified."""


class UnknownTrigger(RejectedInput):
    """No trigger answers to this event type."""


class InvalidPolicy(RejectedInput):
    """A policy update is not of the form ``{"passwordChange": true}``."""


class PolicyNotFound(RejectedInput):
    """There is no such policy to read, change or reset."""


class InvalidSender(RejectedInput):
    """What an organization wants to be its sender cannot be used."""

    usual_id = "SENDER-invalid"


class SenderNotFound(RejectedInput):
    """The organization has no sender of its own."""


class InvalidLook(RejectedInput):
    """What an organization wants its mails to look like, or to say, cannot be used."""

    usual_id = "LOOK-invalid"


class LookNotFound(RejectedInput):
    """The organization has no look, or no text, of its own."""

    usual_id = "LOOK-not-found"


class InvalidConnection(RejectedInput):
    """A connection cannot be as it was said; the text names every mistake."""


class ConnectionNotFound(RejectedInput):
    """There is no such connection."""


class DeliveryNotFound(RejectedInput):
    """There is no such delivery or dead letter to read or change, or it is not the caller's."""


class PolicyExists(RejectedInput):
    """There is such a policy already: it cannot be added."""


class PolicyUnchanged(RejectedInput):
    """The policy is so already, and the caller wants to know."""


class InvalidGrant(RejectedInput):
    """What a token is to permit makes no sense."""


class TokenNotFound(RejectedInput):
    """There is no such token."""


class AccessError(DispatcherError):
    """The caller may not do this."""


class Unauthenticated(AccessError):
    """There is no valid token with the call."""


class MembershipNotFound(AccessError):
    """The caller has no role in that organization, whether or not it exists."""


class PermissionDenied(AccessError):
    """The caller's roles do not permit this."""


class RateLimited(AccessError):
    """The caller asks too often.

    Args:
        reason: What was exceeded.
        retry_after: Seconds after which to try again.
    """

    def __init__(self, reason: str, *, retry_after: float) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class RenderError(DispatcherError):
    """A template could not be rendered, or what it rendered cannot be sent."""


class StoreUnavailable(DispatcherError):
    """The store did not answer; nothing is known to have changed."""

    retryable = True


class IssuerUnavailable(DispatcherError):
    """The issuer of access tokens did not give its keys: nothing is known of the token."""

    retryable = True


class FeedUnavailable(DispatcherError):
    """Events cannot be fetched now: the broker or the transmitter is away, or does not let us in.

    Args:
        reason: What happened.
        wait: Seconds that it asked us to wait; 0.0 when it did not say.
    """

    retryable = True

    def __init__(self, reason: str, *, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class DirectoryError(DispatcherError):
    """A directory did not say who is to be told; another time it may."""

    retryable = True


class DirectoryUnavailable(DirectoryError):
    """The directory did not answer, or not in its way."""


class DirectoryRefused(DirectoryError):
    """The directory does not let us ask: what opens it is wrong, or lacks a right."""


class DirectoryThrottled(DirectoryError):
    """The directory wants to be asked less often.

    Args:
        reason: What happened.
        wait: Seconds that it asked us to wait; 0.0 when it did not say.
    """

    def __init__(self, reason: str, *, wait: float = 0.0) -> None:
        super().__init__(reason)
        self.wait = wait


class SecretUnreadable(DispatcherError):
    """A secret that is kept encrypted cannot be read: the key to it is not here."""

    retryable = True


class SenderUnreadable(SecretUnreadable):
    """What an organization set as its sender cannot be read."""


class ConnectionUnreadable(SecretUnreadable):
    """What proves a connection's calls, or opens its directory, cannot be read."""


class TransportError(DispatcherError):
    """A relay did not take the message.

    Args:
        reason: What happened, in words that hold no address.
        phase: The SMTP phase it happened in (see :class:`dispatcher.delivery.Phase`).
        relay: The relay's name, ``host:port``.
        code: The reply code, or None when there was no reply.
        enhanced: The enhanced status code (RFC 3463) as ``"5.1.1"``, or "".
    """

    def __init__(
        self,
        reason: str,
        *,
        phase: str = "",
        relay: str = "",
        code: int | None = None,
        enhanced: str = "",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.phase = phase
        self.relay = relay
        self.code = code
        self.enhanced = enhanced


class TransientTransportError(TransportError):
    """It may work later: 4yz, a time-out or a lost connection before the final dot."""

    retryable = True


class RelayFault(TransientTransportError):
    """The relay cannot serve anyone now: refused connection, TLS, AUTH, 5yz at the greeting."""


class OwnRelayFault(RelayFault):
    """The same of an organization's own relay: all others are served."""


class Throttled(TransientTransportError):
    """The relay is well, but wants to be sent less at a time; says nothing about the message.

    Args:
        wait: Seconds that the relay asked us to wait; 0.0 when it did not say. The others
            are those of :class:`TransportError`.
    """

    def __init__(
        self,
        reason: str,
        *,
        phase: str = "",
        relay: str = "",
        code: int | None = None,
        enhanced: str = "",
        wait: float = 0.0,
    ) -> None:
        super().__init__(reason, phase=phase, relay=relay, code=code, enhanced=enhanced)
        self.wait = wait


class UncertainDelivery(TransientTransportError):
    """The final dot was sent and no reply came: the relay may have the message."""


class PermanentTransportError(TransportError):
    """The relay refuses this message for good."""


class RecipientRefused(PermanentTransportError):
    """The relay refuses this recipient for good."""
