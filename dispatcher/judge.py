"""The one judge: what kind of trouble a reply is, and what becomes of the delivery.

Pure functions. Nothing else in the package decides about retrying; the table of
its verdicts is in ``docs/judge.md``.
"""

import re
from collections.abc import Callable
from functools import partial
from random import random
from typing import Final

from dispatcher.delivery import Attempt, Dead, DeadReason, DeferReason, Deferred, Phase
from dispatcher.errors import (
    ConnectionUnreadable,
    DirectoryError,
    DirectoryRefused,
    DirectoryThrottled,
    DirectoryUnavailable,
    DispatcherError,
    OwnRelayFault,
    PermanentTransportError,
    RecipientRefused,
    RelayFault,
    RenderError,
    SenderUnreadable,
    StoreUnavailable,
    Throttled,
    TransientTransportError,
    TransportError,
    UncertainDelivery,
)

BACKOFF: Final = (5.0, 30.0, 120.0, 300.0, 900.0, 1800.0, 3600.0)
"""Seconds to wait after the first, second, … failed attempt; the last one repeats.

RFC 5321 section 4.5.4.1 asks relays for 30 minutes between tries; we submit to a
relay of our own, and a notice about a password is worth most while it is fresh.
"""

_BLAMELESS: Final = (
    (OwnRelayFault, 300.0),
    (RelayFault, 20.0),
    (Throttled, 60.0),
    (SenderUnreadable, 300.0),
    (DirectoryUnavailable, 60.0),
    (DirectoryThrottled, 60.0),
    (DirectoryRefused, 300.0),
    (ConnectionUnreadable, 300.0),
)
"""What burns no attempt, and how many seconds such a delivery waits at most.

While the instance's relays are away, what is due is held back (``redrive``), so that
short waits cost nothing; what one organization or one directory is waited for goes round
meanwhile.
"""

_LONGEST_HINT: Final = 3600.0  # of what a relay or a directory asks us to wait

MAX_CRASHES: Final = 5
"""Unexplained failures (a bug, a worker that dies of this event) before it is given up."""


def backoff(attempt: int, *, jitter: Callable[[], float] = random) -> float:
    """Return how many seconds to wait after a failed attempt.

    Full jitter between half and the whole of the step, so that an outage's
    victims do not come back as one wave.

    Args:
        attempt: The attempt that failed; the first is 1.
        jitter: Returns a number in [0, 1).
    """
    step = BACKOFF[min(max(attempt, 1), len(BACKOFF)) - 1]
    return step * (0.5 + 0.5 * jitter())


def outage_wait(age: float, longest: float, *, jitter: Callable[[], float] = random) -> float:
    """Return how many seconds to wait for what is nobody's and no message's fault.

    No attempt is burnt, so the wait cannot grow with their number; it grows with
    the event's age instead.

    Args:
        age: Seconds since the event occurred.
        longest: The most, seconds.
        jitter: Returns a number in [0, 1).
    """
    step = min(max(age / 2, BACKOFF[0]), longest)
    return step * (0.5 + 0.5 * jitter())


def classify(
    phase: Phase, code: int | None, enhanced: str = "", text: str = ""
) -> type[TransportError]:
    """Return what kind of trouble a reply is, or its absence.

    Where an enhanced status code (RFC 3463) contradicts the reply code, its class
    decides: relays greylist with ``550 4.7.1``. No code is reserved for a relay that
    wants less at a time: ``450 4.7.1`` is also greylisting, ``454 4.7.1`` a relay
    that is closed to us; so, ``421 4.7.x`` apart, the text decides.

    Args:
        phase: What the reply answers.
        code: The reply code, or None for a time-out or a lost connection.
        enhanced: The enhanced status code, or "".
        text: What else the reply says.
    """
    if phase in _SESSION or code in _AUTHENTICATION_REPLIES:
        return RelayFault
    severity = enhanced[:1] if enhanced[:1] in {"4", "5"} else str(code)[:1]
    if severity == "5":
        return _refusal(phase, code, enhanced)
    if severity == "4" and _throttles(code, enhanced, text):
        return Throttled
    if phase is Phase.FINAL and severity != "4":
        return UncertainDelivery
    return TransientTransportError


_SESSION: Final = frozenset({Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.TLS, Phase.AUTH})
_AUTHENTICATION_REPLIES: Final = frozenset({530, 534, 535, 538})  # RFC 4954 section 6
_TOO_LARGE: Final = 552  # RFC 1870 section 6.1
_ABOUT_THE_MESSAGE: Final = frozenset({".3.4", ".6.7"})  # too large; needs SMTPUTF8 (RFC 6531)


_CLOSING: Final = 421  # RFC 5321 section 3.8
_TOO_FAST: Final = re.compile(
    r"\brate\b|throttl|slow(?:ing)? down|server busy|too (?:fast|quickly|much mail)"
    r"|too many (?:messages|mails|e-?mails|requests)(?! (?:in|on|for|per) (?:this|one|a) )",
    re.IGNORECASE,
)


def asks_for_less(text: str) -> bool:
    """Return whether a relay's words mean that it is sent too much at a time."""
    return _TOO_FAST.search(text) is not None


def _throttles(code: int | None, enhanced: str, text: str) -> bool:
    about_policy = enhanced.startswith("4.7.")  # RFC 3463 section 3.8
    if code == _CLOSING and about_policy:
        return True
    return (about_policy or not enhanced) and asks_for_less(text)


def _refusal(phase: Phase, code: int | None, enhanced: str) -> type[TransportError]:
    if phase is Phase.RCPT:
        return RecipientRefused
    about_the_message = code == _TOO_LARGE or enhanced[1:] in _ABOUT_THE_MESSAGE
    if phase is Phase.MAIL and not about_the_message:
        return RelayFault  # the sender is ours, not the message's: every message would be refused
    return PermanentTransportError


def judge(
    error: Exception,
    *,
    attempt: int,
    age: float,
    max_age: float,
    jitter: Callable[[], float] = random,
) -> Deferred | Dead:
    """Return what becomes of a delivery whose attempt failed. Total: every error has an answer.

    Args:
        error: What the attempt raised.
        attempt: The attempt's number; the first is 1.
        age: Seconds since the event occurred.
        max_age: Seconds after which an undelivered event is dead instead of late.
        jitter: Returns a number in [0, 1).
    """
    if isinstance(error, RecipientRefused):
        return Dead(DeadReason.REJECTED_RECIPIENT, str(error))
    if isinstance(error, PermanentTransportError):
        return Dead(DeadReason.REJECTED_MESSAGE, str(error))
    if isinstance(error, RenderError):
        return Dead(DeadReason.RENDER_ERROR, str(error))
    known = isinstance(error, DispatcherError) and error.retryable
    if not known and attempt >= MAX_CRASHES:
        return Dead(DeadReason.ATTEMPTS, f"{MAX_CRASHES} attempts ended in {type(error).__name__}")
    if age >= max_age:
        return Dead(DeadReason.EXPIRED, f"still undelivered after {max_age:.0f} s")
    longest = next((most for kind, most in _BLAMELESS if isinstance(error, kind)), 0.0)
    waits = partial(outage_wait, age, longest) if longest else partial(backoff, attempt)
    delay = waits(jitter=jitter)
    if isinstance(error, Throttled | DirectoryThrottled):
        delay = max(delay, min(error.wait, _LONGEST_HINT))
    return Deferred(_defer_reason(error), min(delay, max(max_age - age, 1.0)), burns=not longest)


_DEFERRED: Final = (
    (RelayFault, DeferReason.RELAY_UNAVAILABLE),
    (Throttled, DeferReason.THROTTLED),
    (UncertainDelivery, DeferReason.UNCERTAIN),
    (TransportError, DeferReason.TEMPORARY),
    (SenderUnreadable, DeferReason.SENDER_UNREADABLE),
    (ConnectionUnreadable, DeferReason.CONNECTION_UNREADABLE),
    (DirectoryThrottled, DeferReason.DIRECTORY_THROTTLED),
    (DirectoryRefused, DeferReason.DIRECTORY_REFUSED),
    (DirectoryError, DeferReason.DIRECTORY_UNAVAILABLE),
    (StoreUnavailable, DeferReason.STORE_UNAVAILABLE),
)


def _defer_reason(error: Exception) -> DeferReason:
    for kind, reason in _DEFERRED:
        if isinstance(error, kind):
            return reason
    return DeferReason.INTERNAL_ERROR


_NO_SUCH_MAILBOX: Final = frozenset(
    {
        "5.1.1",  # RFC 3463 section 3.2: bad destination mailbox address
        "5.1.3",  # the same: bad syntax of the address
        "5.1.6",  # the same: the mailbox has moved, nobody knows where
        "5.1.10",  # RFC 7505 section 4: the domain takes no mail; Exchange's "recipient not found"
    }
)


def no_such_mailbox(enhanced: str) -> bool:
    """Return whether an enhanced status code says that the address leads nowhere, for good.

    Full or disabled mailboxes, unknown domains, policies and spam filters do not: security
    mail is worth another try. The whole table is in ``docs/bounces.md``.
    """
    return enhanced in _NO_SUCH_MAILBOX


def disproves_mailbox(attempt: Attempt | None) -> bool:
    """Return whether a relay's refusal of the recipient says that there is no such mailbox."""
    return (
        attempt is not None
        and attempt.phase == Phase.RCPT
        and str(attempt.code).startswith("5")
        and no_such_mailbox(attempt.enhanced)
    )
