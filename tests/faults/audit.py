"""Compares what was accepted, what the relay has, and what the ledger says: three sets."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from dispatcher.delivery import Delivery, State, Totals
from tests.smtp_server import Received

FINAL = frozenset({State.SENT, State.SKIPPED, State.DEAD})


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a row may show at most.

    Args:
        duplicates: Second copies.
        recovery: Seconds from the fault's end until everything has an outcome.
        dead: Deliveries given up.
        counted: Whether the ledger must count every second copy as uncertain.
    """

    duplicates: int
    recovery: float
    dead: int = 0
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """One scenario's figures."""

    fault: str
    title: str
    accepted: int
    sent: int
    skipped: int
    dead: int
    lost: int
    duplicates: int
    bound: int
    uncertain: int
    recovery: float
    within: float
    seed: int
    notes: dict[str, str] = field(default_factory=dict)

    def as_plain(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Findings:
    """What an audit found."""

    states: Mapping[str, State]
    lost: Sequence[str]
    """Accepted, and without an outcome; or said to be sent, and the relay never had it."""
    astray: Sequence[str]
    """Mailed although nothing wanted it: a mail without an accepted event or against the policy."""
    unlike: Sequence[str]
    """Mailed twice under different Message-IDs."""
    copies: int
    """Second and further copies."""

    def count(self, state: State) -> int:
        return sum(one is state for one in self.states.values())


def audit(
    accepted: Mapping[str, Mapping[str, Any]],
    mails: Iterable[Received],
    deliveries: Iterable[Delivery],
) -> Findings:
    """Compare the three sets.

    Args:
        accepted: The events that the broker took, by id; kept outside the system.
        mails: What the relay took.
        deliveries: What the ledger says.
    """
    by_id = {one.event_id: one for one in deliveries}
    states = {name: by_id[name].state for name in accepted if name in by_id}
    names: dict[str, set[str]] = {}
    copies: Counter[str] = Counter()
    for mail in mails:
        event_id = mail.recipients[0].partition("@")[0]
        names.setdefault(event_id, set()).add(mail.message_id)
        copies[event_id] += 1
    lost = [
        name
        for name in accepted
        if states.get(name) not in FINAL or (states[name] is State.SENT and not copies[name])
    ]
    wanted = {name for name, event in accepted.items() if event["org_id"] not in {"off", "unset"}}
    return Findings(
        states=states,
        lost=lost,
        astray=sorted(set(copies) - wanted),
        unlike=[name for name, ids in names.items() if len(ids) > 1],
        copies=copies.total() - len(copies),
    )


def uncertain(totals: Totals) -> int:
    """Return how many sends the ledger counts as perhaps having been a second one."""
    reasons = totals.reasons or {}
    return reasons.get("uncertain", 0) + reasons.get("deferred:uncertain", 0)
