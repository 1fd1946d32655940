"""Comparing what became of the examples with what their lines expect. Pure functions."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from dispatcher.cli.demo_examples import Example
from dispatcher.cli.demo_mails import Mail, mistakes
from dispatcher.delivery import Delivery, SkipReason, State, Totals

_SETTLED = frozenset({State.SENT, State.SKIPPED, State.DEAD})

Published = Sequence[tuple[Example, str]]
"""The examples, each with the id of the queue's message that carries it."""


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of one example.

    Args:
        example: The example.
        delivery: Its delivery; a duplicate has that of the event it repeats.
        duplicate: Whether it counts as a repetition.
    """

    example: Example
    delivery: Delivery | None
    duplicate: bool = False

    @property
    def settled(self) -> bool:
        """Return whether its outcome is known."""
        if self.delivery is None:
            return False
        return self.duplicate or self.delivery.state in _SETTLED

    @property
    def outcome(self) -> tuple[str, str]:
        """Return outcome and reason; two empty strings where there is neither yet."""
        if self.delivery is None:
            return "", ""
        if self.duplicate:
            return State.SKIPPED.value, SkipReason.DUPLICATE.value
        return self.delivery.state.value, self.delivery.reason


@dataclass(frozen=True, slots=True)
class Verdict:
    """One example's fate, its mail, and what is not as expected."""

    fate: Fate
    mail: Mail | None
    problems: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Return whether all is as expected."""
        return not self.problems


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold for the whole run; ``found`` says what does not."""

    name: str
    found: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether it holds."""
        return not self.found


def fates(published: Published, deliveries: Iterable[Delivery]) -> list[Fate]:
    """Return what became of each published example so far.

    Of several messages with the same event any may come first; as many of them
    as the delivery counts duplicates are repetitions.
    """
    deliveries = list(deliveries)
    by_receipt = {delivery.receipt: delivery for delivery in deliveries}
    by_key = {(delivery.org_id, delivery.event_id): delivery for delivery in deliveries}
    repetitions: Counter[tuple[str, str]] = Counter()
    found = []
    for example, receipt in published:
        if example.expect.reason != SkipReason.DUPLICATE:
            delivery = by_receipt.get(receipt) or by_key.get(example.key)
            found.append(Fate(example, delivery))
            continue
        delivery = by_key.get(example.key)
        repetitions[example.key] += 1
        counted = delivery is not None and delivery.duplicates >= repetitions[example.key]
        found.append(Fate(example, delivery if counted else None, duplicate=True))
    return found


def verdicts(
    fates: Iterable[Fate], mails: Iterable[Mail], message_id: Callable[[Delivery], str]
) -> list[Verdict]:
    """Return each fate compared with what its example expects.

    Args:
        fates: What became of the examples.
        mails: What lies in the inbox.
        message_id: Returns the Message-ID of a delivery's mail.
    """
    by_id: dict[str, list[Mail]] = {}
    for mail in mails:
        by_id.setdefault(mail.message_id, []).append(mail)
    return [_verdict(fate, _mails_of(fate, by_id, message_id)) for fate in fates]


def checks(
    verdicts: Sequence[Verdict], mails: Sequence[Mail], totals: Totals, crashes: Sequence[str]
) -> list[Check]:
    """Return what must hold for the whole run.

    Args:
        verdicts: The examples' verdicts.
        mails: What lies in the inbox.
        totals: The ledger's counts.
        crashes: What ended that should not have.
    """
    wrong = [f"line {v.fate.example.line}: {'; '.join(v.problems)}" for v in verdicts if v.problems]
    claimed = {verdict.mail.name for verdict in verdicts if verdict.mail}
    stray = [f"{mail.name} belongs to no event" for mail in mails if mail.name not in claimed]
    malformed = [f"{mail.name}: {', '.join(found)}" for mail in mails if (found := mistakes(mail))]
    sum_ = f"{totals.accepted} = {totals.sent} + {totals.skipped} + {totals.dead}"
    balance = [f"{sum_} is not so"] if totals.open else []
    if totals.accepted != len(verdicts):
        balance.append(f"{len(verdicts)} were published, {totals.accepted} accepted")
    return [
        Check("every event came to the outcome its line expects", tuple(wrong)),
        Check(f"accepted = sent + skipped + dead: {sum_}", tuple(balance)),
        Check(
            "every mail has one From, To, Subject, Message-ID and Date, a text and an HTML part",
            tuple(malformed),
        ),
        Check("no mail beside these, none where the policy is off or unset", tuple(stray)),
        Check("no malformed or hostile event stopped the worker", tuple(crashes)),
    ]


def _mails_of(
    fate: Fate, by_id: Mapping[str, list[Mail]], message_id: Callable[[Delivery], str]
) -> list[Mail]:
    if fate.duplicate or fate.delivery is None or not fate.delivery.trigger:
        return []
    return by_id.get(message_id(fate.delivery), [])


def _verdict(fate: Fate, mails: list[Mail]) -> Verdict:
    problems = _outcome_problems(fate)
    if fate.example.expect.outcome != State.SENT:
        return Verdict(fate, None, tuple(problems))
    if len(mails) != 1:
        problems.append(f"{len(mails)} mails instead of one")
    for mail in mails:
        problems += _mail_problems(fate.example, mail)
    return Verdict(fate, mails[0] if mails else None, tuple(problems))


def _outcome_problems(fate: Fate) -> list[str]:
    expect, delivery = fate.example.expect, fate.delivery
    if delivery is None:
        return ["nothing became of it"]
    outcome, reason = fate.outcome
    problems = []
    if (outcome, reason) != (expect.outcome, expect.reason):
        wanted, got = f"{expect.outcome} {expect.reason}".strip(), f"{outcome} {reason}".strip()
        problems.append(f"expected {wanted}, but it is {got}")
    if expect.attempts and delivery.attempts != expect.attempts:
        problems.append(f"expected {expect.attempts} attempts, but it took {delivery.attempts}")
    if expect.detail not in delivery.detail:
        problems.append(f"expected “{expect.detail}” in “{delivery.detail}”")
    return problems


def _mail_problems(example: Example, mail: Mail) -> list[str]:
    problems = []
    locale = example.expect.locale
    if locale and mail.language != locale:
        problems.append(f"expected it in {locale}, but it is in {mail.language}")
    if [example.address] != [_readable(address) for address in mail.addresses]:
        problems.append("it is addressed to someone else")
    return problems


def _readable(address: str) -> str:
    local, _, domain = address.rpartition("@")
    labels = [
        label.encode("ascii").decode("idna") if label.startswith("xn--") else label
        for label in domain.split(".")
    ]
    return f"{local}@{'.'.join(labels)}"
