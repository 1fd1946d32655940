"""A delivery's story in plain words: what happened, when, why, and what would help.

Pure: a :class:`~dispatcher.delivery.Delivery` in, sentences out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from dispatcher.connection import Origin
from dispatcher.delivery import (
    Attempt,
    Delivery,
    SkipReason,
    State,
)
from dispatcher.policy import INSTANCE
from dispatcher.stories.reasons import ADVICE, BECAUSE, PHASES
from dispatcher.stories.times import clock_time, relative, span
from dispatcher.suppression import EVERYWHERE, Suppression

_EVERYWHERE: Final = ", everywhere, "
"""How a skipped delivery's detail tells that its recipient is suppressed for all."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened; ``at`` is None where the ledger keeps no time for it."""

    at: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class Story:
    """The whole of it: a verdict in one sentence, the steps to it, and what would help."""

    verdict: str
    steps: tuple[Step, ...]
    advice: str


def tell(delivery: Delivery, *, now: datetime, suppression: Suppression | None = None) -> Story:
    """Return a delivery's story at *now*; *suppression* stands against mail to its recipient."""
    steps = [*_arrival(delivery), *_decision(delivery), *_attempts(delivery), *_end(delivery, now)]
    if suppression is not None:
        steps.append(_aftermath(delivery, suppression))
    return Story(_verdict(delivery, now), tuple(steps), _advice(delivery))


def because(reason: str) -> str:
    """Return a reason in words; an unknown one as it is."""
    return BECAUSE.get(reason, reason)


def _verdict(delivery: Delivery, now: datetime) -> str:
    event = f"Event {delivery.event_id}"
    if delivery.org_id:
        event += f" of {delivery.org_id}"
    match delivery.state:
        case State.SENT:
            return f"{event} was sent."
        case State.SKIPPED:
            return f"{event} was skipped: {because(delivery.reason)}."
        case State.DEAD:
            return f"{event} was given up: {because(delivery.reason)}."
        case State.DEFERRED:
            due = f", next attempt {relative(delivery.due_at, now)}" if delivery.due_at else ""
            return f"{event} waits{due}: {because(delivery.reason)}."
        case State.QUEUED:
            return f"{event} is on the queue for its next attempt."
        case State.CLAIMED:
            return f"{event} is in a worker's hands."


def _arrival(delivery: Delivery) -> Iterator[Step]:
    told_by = f" from {delivery.source}" if delivery.source else ""
    by = f", brought by message {delivery.receipt}" if delivery.receipt else ""
    yield Step(delivery.accepted_at, f"accepted{told_by}{by}")
    if delivery.duplicates:
        copies = "one more copy" if delivery.duplicates == 1 else f"{delivery.duplicates} copies"
        yield Step(None, f"{copies} of the event came, and caused no further mail")


def _decision(delivery: Delivery) -> Iterator[Step]:
    ruling = delivery.ruling
    if ruling is not None:
        told = "are not told" if delivery.reason == SkipReason.POLICY_OFF else "are told"
        whose = "the default policy" if ruling.owner == INSTANCE else f"{ruling.owner}'s own policy"
        yield Step(None, f"{whose}, at its change {ruling.sequence}, decided: people {told}")
    elif delivery.reason == SkipReason.POLICY_UNSET:
        yield Step(None, "no policy of its own and no default policy: nobody is told")
    if delivery.trigger:
        to = f", to the address with fingerprint {delivery.recipient}" if delivery.recipient else ""
        yield Step(None, f"kind of mail: {delivery.trigger}{to}")
    if delivery.changes:
        yield Step(None, f"counted as {delivery.changes} further change(s), told of together")


def _attempts(delivery: Delivery) -> Iterator[Step]:
    last = max((attempt.number for attempt in delivery.history), default=0)
    # An attempt in which its worker died left no line either; it is counted below.
    told = len({attempt.number for attempt in delivery.history}) + delivery.uncertain
    missing = last - told if len(delivery.history) > 1 else 0
    if missing > 0:
        yield Step(None, f"{missing} attempts between these are no longer kept in detail")
    for attempt in delivery.history:
        yield Step(attempt.at, _attempt(attempt))
    if delivery.uncertain:
        times = "once" if delivery.uncertain == 1 else f"{delivery.uncertain} times"
        yield Step(
            None, f"{times} it stayed unknown whether the relay had it; sent again, same Message-ID"
        )


def _attempt(attempt: Attempt) -> str:
    relay = f"the relay {attempt.relay}" if attempt.relay else "the relay"
    after = f"after {span(attempt.duration)}"
    said = " ".join(filter(None, (str(attempt.code or ""), attempt.enhanced))) or "no reply"
    if attempt.result == State.SENT:
        return f"attempt {attempt.number}: {relay} took the message ({said}, {after})"
    if attempt.phase in PHASES:
        what = f"{relay} {PHASES[attempt.phase]} ({said}, {after})"
    else:
        what = f"failed before it reached a relay ({after})"
    return f"attempt {attempt.number}: {what}: {because(attempt.result)}"


def _end(delivery: Delivery, now: datetime) -> Iterator[Step]:
    detail = f": {delivery.detail}" if delivery.detail else ""
    match delivery.state:
        case State.DEFERRED if delivery.due_at:
            due = f"{clock_time(delivery.due_at)}, {relative(delivery.due_at, now)}"
            yield Step(delivery.changed_at, f"deferred; next attempt due {due}{detail}")
        case State.DEAD if delivery.event is None:
            yield Step(delivery.changed_at, f"dead ({delivery.reason}), content dropped{detail}")
        case State.DEAD:
            kept = "kept for a person" + (", with its message" if delivery.keeps_message else "")
            yield Step(delivery.changed_at, f"dead ({delivery.reason}), {kept}{detail}")
        case State.SKIPPED:
            yield Step(delivery.changed_at, f"skipped ({delivery.reason}){detail}")
        case state:
            yield Step(delivery.changed_at, f"{state.value}{detail}")


def _aftermath(delivery: Delivery, suppression: Suppression) -> Step:
    came_back = delivery.state is State.SENT and suppression.event_id == delivery.event_id
    what = "the mail came back" if came_back else f"suppressed ({suppression.reason})"
    said = f": {suppression.detail}" if suppression.detail else ""
    where = "everywhere" if suppression.scope == EVERYWHERE else f"for {suppression.scope}"
    until = f", until {clock_time(suppression.until)}" if suppression.until else ""
    return Step(suppression.since, f"{what}{said}; the address gets no mail {where}{until}")


def _advice(delivery: Delivery) -> str:
    if delivery.state is State.DEAD and delivery.event is None:
        return ""
    organization = f" --org {delivery.org_id}" if delivery.org_id else ""
    resend = f"`dispatcher dead resend {delivery.event_id}{organization}`"
    scope = "" if _EVERYWHERE in delivery.detail else organization
    allow = f"`dispatcher suppress remove {delivery.recipient}{scope}`"
    origin = Origin.parse(delivery.source)
    return ADVICE.get(delivery.reason, "").format(
        org=delivery.org_id,
        resend=resend,
        allow=allow,
        connection=origin.connection if origin else "NAME",
    )
