"""The judge has an answer for every error, and no answer loses a message."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.delivery import Attempt, Dead, DeadReason, DeferReason, Deferred, Phase
from dispatcher.errors import (
    ConfigError,
    ConnectionUnreadable,
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
from dispatcher.judge import (
    BACKOFF,
    MAX_CRASHES,
    backoff,
    classify,
    disproves_mailbox,
    judge,
    no_such_mailbox,
    outage_wait,
)
from tests.builders import NOON

_SESSION = [Phase.CONNECT, Phase.GREETING, Phase.EHLO, Phase.TLS, Phase.AUTH]
_BEFORE = [Phase.MAIL, Phase.RCPT, Phase.DATA]
_DAY = 86_400.0


@pytest.mark.parametrize("phase", _SESSION)
@pytest.mark.parametrize("code", [None, 250, 334, 421, 450, 454, 500, 535, 554])
def test_trouble_before_the_first_message_is_the_relays(phase: Phase, code: int | None) -> None:
    assert classify(phase, code) is RelayFault


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("code", [530, 534, 535, 538])
def test_an_authentication_reply_is_the_relays_trouble_wherever_it_comes(
    phase: Phase, code: int
) -> None:
    assert classify(phase, code, "5.7.0") is RelayFault


@pytest.mark.parametrize("phase", _BEFORE)
@pytest.mark.parametrize("code", [None, 250, 354, 421, 450, 451, 452])
def test_before_the_final_dot_anything_but_5yz_is_worth_another_try(
    phase: Phase, code: int | None
) -> None:
    assert classify(phase, code) is TransientTransportError


@pytest.mark.parametrize(
    ("phase", "code", "enhanced", "kind"),
    [
        (Phase.MAIL, 550, "5.7.1", RelayFault),
        (Phase.MAIL, 553, "", RelayFault),
        (Phase.MAIL, 552, "", PermanentTransportError),
        (Phase.MAIL, 554, "5.3.4", PermanentTransportError),
        (Phase.MAIL, 553, "5.6.7", PermanentTransportError),
        (Phase.RCPT, 550, "", RecipientRefused),
        (Phase.RCPT, 550, "5.1.1", RecipientRefused),
        (Phase.RCPT, 550, "4.7.1", TransientTransportError),
        (Phase.RCPT, 450, "5.1.1", RecipientRefused),
        (Phase.RCPT, 550, "2.0.0", RecipientRefused),
        (Phase.DATA, 554, "5.6.0", PermanentTransportError),
        (Phase.DATA, 503, "", PermanentTransportError),
        (Phase.FINAL, 554, "5.7.1", PermanentTransportError),
        (Phase.FINAL, 550, "4.7.1", TransientTransportError),
        (Phase.FINAL, 451, "", TransientTransportError),
        (Phase.FINAL, 421, "", TransientTransportError),
        (Phase.FINAL, None, "", UncertainDelivery),
        (Phase.FINAL, 354, "", UncertainDelivery),
        (Phase.FINAL, 220, "", UncertainDelivery),
    ],
)
def test_a_reply_has_its_kind(
    phase: Phase, code: int, enhanced: str, kind: type[TransportError]
) -> None:
    assert classify(phase, code, enhanced) is kind


@pytest.mark.parametrize(
    ("phase", "code", "enhanced", "text"),
    [
        (Phase.MAIL, 421, "4.7.0", "Try again later, closing connection"),
        (Phase.FINAL, 421, "4.7.28", "unusual rate of mail"),
        (Phase.RCPT, 450, "4.7.1", "Error: too much mail from 192.0.2.1"),
        (Phase.RCPT, 451, "4.7.1", "rate limit exceeded"),
        (Phase.RCPT, 451, "4.7.650", "Server busy. Please try again later"),
        (Phase.DATA, 452, "4.7.0", "too many messages, slow down"),
        (Phase.RCPT, 454, "", "Throttling failure: Maximum sending rate exceeded."),
        (Phase.RCPT, 550, "4.7.1", "you send too fast"),
    ],
)
def test_a_relay_that_wants_less_throttles(
    phase: Phase, code: int, enhanced: str, text: str
) -> None:
    assert classify(phase, code, enhanced, text) is Throttled


@pytest.mark.parametrize(
    ("code", "enhanced", "text"),
    [
        (450, "4.7.1", "Greylisted, try again in 300 seconds"),
        (454, "4.7.1", "Relay access denied"),
        (450, "4.2.1", "The user is receiving mail at a rate that prevents more"),
        (452, "4.2.2", "mailbox full"),
        (421, "", "too many messages in this connection"),
        (421, "4.4.2", "idle for too long"),
        (451, "", "separate temporary failure"),
    ],
)
def test_trouble_with_one_message_or_connection_does_not_throttle(
    code: int, enhanced: str, text: str
) -> None:
    assert classify(Phase.RCPT, code, enhanced, text) is TransientTransportError


_TEXTS = st.sampled_from(["", "rate limit exceeded", "unknown"])
_ENHANCED = st.sampled_from(
    ["", "2.0.0", "4.7.1", "5.1.1", "5.3.4", "5.6.7", "4", "5", "x", "9.9.9"]
)
_CODES = st.none() | st.integers(0, 999)


@given(st.sampled_from(Phase), _CODES, _ENHANCED, _TEXTS)
def test_every_reply_has_a_kind_and_only_a_5_is_for_good(
    phase: Phase, code: int | None, enhanced: str, text: str
) -> None:
    kind = classify(phase, code, enhanced, text)
    assert issubclass(kind, TransportError)
    if not kind.retryable:
        assert phase in {*_BEFORE, Phase.FINAL}
        assert enhanced[:1] == "5" or str(code)[:1] == "5"


@given(st.sampled_from(Phase), _CODES, _ENHANCED, _TEXTS)
def test_only_silence_or_nonsense_after_the_final_dot_is_uncertain(
    phase: Phase, code: int | None, enhanced: str, text: str
) -> None:
    if classify(phase, code, enhanced, text) is UncertainDelivery:
        assert phase is Phase.FINAL
        assert str(code)[:1] not in {"4", "5"} or enhanced[:1] not in {"", "4", "5"}


def _judged(error: Exception, *, attempt: int = 1, age: float = 1.0) -> Deferred | Dead:
    return judge(error, attempt=attempt, age=age, max_age=_DAY, jitter=lambda: 0.0)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RecipientRefused("unknown"), DeadReason.REJECTED_RECIPIENT),
        (PermanentTransportError("spam"), DeadReason.REJECTED_MESSAGE),
        (RenderError("no template"), DeadReason.RENDER_ERROR),
    ],
)
def test_what_cannot_succeed_is_dead_with_its_reason(error: Exception, reason: DeadReason) -> None:
    assert _judged(error) == Dead(reason, str(error))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (TransientTransportError("450"), DeferReason.TEMPORARY),
        (UncertainDelivery("no reply"), DeferReason.UNCERTAIN),
        (StoreUnavailable("gone"), DeferReason.STORE_UNAVAILABLE),
        (ZeroDivisionError("a bug"), DeferReason.INTERNAL_ERROR),
        (ConfigError("late"), DeferReason.INTERNAL_ERROR),
    ],
)
def test_what_may_succeed_is_tried_again_and_burns_an_attempt(
    error: Exception, reason: DeferReason
) -> None:
    assert _judged(error, attempt=2) == Deferred(reason, BACKOFF[1] / 2, burns=True)


def test_a_relays_fault_burns_no_attempt() -> None:
    assert _judged(RelayFault("away"), attempt=7) == Deferred(
        DeferReason.RELAY_UNAVAILABLE, BACKOFF[0] / 2, burns=False
    )


def test_an_unreadable_sender_burns_no_attempt() -> None:
    assert _judged(SenderUnreadable("its key is not here"), attempt=7) == Deferred(
        DeferReason.SENDER_UNREADABLE, BACKOFF[0] / 2, burns=False
    )


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (DirectoryUnavailable("away"), DeferReason.DIRECTORY_UNAVAILABLE),
        (DirectoryRefused("a wrong token"), DeferReason.DIRECTORY_REFUSED),
        (DirectoryThrottled("too often"), DeferReason.DIRECTORY_THROTTLED),
        (ConnectionUnreadable("its key is not here"), DeferReason.CONNECTION_UNREADABLE),
    ],
)
def test_what_keeps_a_directory_from_answering_burns_no_attempt(
    error: Exception, reason: DeferReason
) -> None:
    assert _judged(error, attempt=7) == Deferred(reason, BACKOFF[0] / 2, burns=False)


def test_a_directorys_hint_lengthens_the_wait_within_reason() -> None:
    waits = [_judged(DirectoryThrottled("too often", wait=hint)) for hint in (90.0, 1.0, 1e9)]
    assert [each.delay for each in waits if isinstance(each, Deferred)] == [90.0, 2.5, 3600.0]


def test_a_throttled_message_burns_no_attempt() -> None:
    assert _judged(Throttled("slow down"), attempt=7) == Deferred(
        DeferReason.THROTTLED, BACKOFF[0] / 2, burns=False
    )


@pytest.mark.parametrize(("hint", "wait"), [(90.0, 90.0), (1.0, BACKOFF[0] / 2), (1e9, 3600.0)])
def test_a_relays_hint_lengthens_the_wait_within_reason(hint: float, wait: float) -> None:
    deferred = _judged(Throttled("slow down", wait=hint))
    assert isinstance(deferred, Deferred)
    assert deferred.delay == wait


def test_a_bug_is_given_up_after_a_few_attempts() -> None:
    assert isinstance(_judged(ZeroDivisionError(), attempt=MAX_CRASHES - 1), Deferred)
    dead = _judged(ZeroDivisionError(), attempt=MAX_CRASHES)
    assert dead == Dead(DeadReason.ATTEMPTS, "5 attempts ended in ZeroDivisionError")


@pytest.mark.parametrize(
    "error", [TransientTransportError("450"), RelayFault("away"), Throttled("slow", wait=90)]
)
def test_what_is_too_old_is_dead_instead_of_late(error: Exception) -> None:
    assert _judged(error, attempt=40, age=_DAY) == Dead(
        DeadReason.EXPIRED, "still undelivered after 86400 s"
    )


def test_the_last_try_is_not_after_the_end() -> None:
    deferred = _judged(TransientTransportError("450"), attempt=20, age=_DAY - 100)
    assert isinstance(deferred, Deferred)
    assert deferred.delay == 100


_ERRORS = st.sampled_from(
    [
        TransientTransportError("x"),
        RelayFault("x"),
        Throttled("x", wait=1e6),
        UncertainDelivery("x"),
        StoreUnavailable("x"),
        PermanentTransportError("x"),
        RecipientRefused("x"),
        RenderError("x"),
        ConfigError("x"),
        DispatcherError("x"),
        ValueError("x"),
        TimeoutError(),
    ]
)


@given(
    _ERRORS,
    st.integers(-5, 10_000),
    st.floats(-1e6, 1e6),
    st.floats(1.0, 1e6),
    st.floats(0, 1, exclude_max=True),
)
def test_every_error_is_deferred_or_dead_with_a_reason_and_never_lost(
    error: Exception, attempt: int, age: float, max_age: float, jitter: float
) -> None:
    verdict = judge(error, attempt=attempt, age=age, max_age=max_age, jitter=lambda: jitter)
    if isinstance(verdict, Deferred):
        assert 0 < verdict.delay <= max(BACKOFF[-1], 60.0)
        assert age < max_age
    else:
        assert verdict.reason
        retryable = isinstance(error, DispatcherError) and error.retryable
        assert not retryable or age >= max_age


@given(st.integers(-3, 100), st.floats(0, 1, exclude_max=True))
def test_backoff_keeps_between_half_and_the_whole_of_its_step(attempt: int, jitter: float) -> None:
    step = BACKOFF[min(max(attempt, 1), len(BACKOFF)) - 1]
    assert step / 2 <= backoff(attempt, jitter=lambda: jitter) <= step


@given(st.lists(st.floats(0, 1e6), min_size=2))
def test_the_wait_for_an_outage_grows_with_age_within_its_bound(ages: list[float]) -> None:
    waits = [outage_wait(age, 20.0, jitter=lambda: 0.99) for age in sorted(ages)]
    assert all(earlier <= later for earlier, later in pairwise(waits))
    assert all(0 < wait <= 20 for wait in waits)


@pytest.mark.parametrize(
    ("error", "longest"),
    [
        (RelayFault("away"), 20.0),
        (OwnRelayFault("away"), 300.0),
        (SenderUnreadable("its key is not here"), 300.0),
        (Throttled("slow down"), 60.0),
    ],
)
def test_waits_longer_for_what_only_one_organization_waits_for(
    error: Exception, longest: float
) -> None:
    deferred = judge(error, attempt=1, age=7200, max_age=86_400, jitter=lambda: 1.0)
    assert isinstance(deferred, Deferred)
    assert (deferred.delay, deferred.burns) == (longest, False)


@pytest.mark.parametrize("enhanced", ["5.1.1", "5.1.3", "5.1.6", "5.1.10"])
def test_a_recipient_refused_with_such_a_status_has_no_mailbox(enhanced: str) -> None:
    refused = Attempt(1, NOON, 0.1, "rejected_recipient", "r", "rcpt", 550, enhanced)
    assert disproves_mailbox(refused)
    assert not disproves_mailbox(replace(refused, phase="data"))
    assert not disproves_mailbox(replace(refused, code=None))
    assert not disproves_mailbox(replace(refused, code=450))
    assert not disproves_mailbox(None)


@pytest.mark.parametrize("enhanced", ["", "5.0.0", "5.1.0", "5.1.2", "5.2.1", "5.4.1", "5.7.1"])
def test_no_other_status_disproves_a_mailbox(enhanced: str) -> None:
    assert not no_such_mailbox(enhanced)
