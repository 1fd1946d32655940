"""Believing what came back: a report counts for the mail whose postmark it shows, and no other."""

from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from dispatcher.bounce import Action, BounceReport, Fate, ReportKind
from dispatcher.delivery import Delivery, DeliveryFilter
from dispatcher.errors import ConfigError
from dispatcher.judge import no_such_mailbox
from dispatcher.message import fingerprint
from dispatcher.ports import DeliveryLog
from dispatcher.postmark import Postmark, event_tag, org_tag
from dispatcher.suppressions import Suppressions

_NEWEST: Final = 1000
"""How many of an organization's deliveries are searched for the one whose mail came back."""


class Finding(StrEnum):
    """What was made of a report."""

    SUPPRESSED = "suppressed"
    KNOWN = "known"
    """The address was suppressed already."""
    TEMPORARY = "temporary"
    OTHER_REASON = "other_reason"
    """Not delivered, but not because there is no such mailbox."""
    DELIVERED = "delivered"
    COMPLAINT = "complaint"
    UNPROVEN = "unproven"
    """No genuine postmark: it is forged, or of another installation."""
    OTHER_RECIPIENT = "other_recipient"
    """The mail was ours, but the report is about an address that it was not sent to."""
    AUTOMATIC_REPLY = "automatic_reply"
    NO_REPORT = "no_report"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was made of a report on one recipient; empty where it is not known."""

    finding: Finding
    status: str = ""
    org_id: str = ""
    recipient: str = ""
    """The fingerprint of the address."""
    event_id: str = ""


_IGNORED: Final = {
    ReportKind.AUTOMATIC_REPLY: Finding.AUTOMATIC_REPLY,
    ReportKind.OTHER: Finding.NO_REPORT,
    ReportKind.TOO_LARGE: Finding.TOO_LARGE,
    ReportKind.UNREADABLE: Finding.UNREADABLE,
}
_ARRIVED: Final = frozenset({Action.DELIVERED, Action.RELAYED, Action.EXPANDED})


@dataclass(frozen=True, slots=True)
class _Proof:
    org_id: str
    mark: Postmark


class Bounces:
    """Reads reports into suppressions. For one run: it remembers what it asked the log.

    Args:
        suppressions: Suppresses addresses.
        log: Knows the organizations, and which events there were.
    """

    def __init__(self, suppressions: Suppressions, log: DeliveryLog) -> None:
        self._suppressions = suppressions
        self._log = log
        self._secret = suppressions.secret
        self._orgs: dict[bytes, list[str]] = {}
        self._events: dict[str, dict[bytes, str]] = {}

    async def judge(self, report: BounceReport) -> tuple[Verdict, ...]:
        """Return what is made of a report, one verdict per recipient it speaks of, at least one.

        Raises:
            ConfigError: The store never saw an event, so it is hardly the workers' store.
            StoreUnavailable: The store did not answer; the same report may be judged again.
        """
        ignored = _IGNORED.get(report.kind)
        if ignored is not None:
            return (Verdict(ignored),)
        proofs = [proof async for proof in self._proofs(report.postmarks)]
        if report.kind is ReportKind.COMPLAINT:
            return (await self._complaint(proofs),)
        if not report.fates:
            return (Verdict(Finding.NO_REPORT),)
        return tuple([await self._fate(fate, proofs) for fate in report.fates])

    async def _complaint(self, proofs: Collection[_Proof]) -> Verdict:
        proof = _of_one_recipient(proofs)
        if proof is None:
            return Verdict(Finding.UNPROVEN)
        return await self._verdict(Finding.COMPLAINT, "", proof)

    async def _fate(self, fate: Fate, proofs: Collection[_Proof]) -> Verdict:
        if not proofs:
            return Verdict(Finding.UNPROVEN, fate.status)
        proof = self._about(fate, proofs)
        if proof is None:
            return Verdict(Finding.OTHER_RECIPIENT, fate.status)
        verdict = await self._verdict(_finding(fate), fate.status, proof)
        if verdict.finding is not Finding.SUPPRESSED:
            return verdict
        kept = await self._suppressions.bounced(
            verdict.org_id, verdict.recipient, verdict.status, verdict.event_id
        )
        return verdict if kept.before is None else replace(verdict, finding=Finding.KNOWN)

    def _about(self, fate: Fate, proofs: Collection[_Proof]) -> _Proof | None:
        """Return the proof that the mail went to this recipient."""
        if not fate.addresses:
            return _of_one_recipient(proofs)
        named = {fingerprint(self._secret, address) for address in fate.addresses}
        return next((proof for proof in proofs if proof.mark.recipient in named), None)

    async def _verdict(self, finding: Finding, status: str, proof: _Proof) -> Verdict:
        event_id = await self._event(proof)
        return Verdict(finding, status, proof.org_id, proof.mark.recipient, event_id)

    async def _proofs(self, marks: Collection[Postmark]) -> AsyncIterator[_Proof]:
        if marks and not self._orgs:
            async for org_id in self._log.organizations():
                self._orgs.setdefault(org_tag(self._secret, org_id), []).append(org_id)
            if not self._orgs:
                raise ConfigError("the store knows no organization: is it the one of the workers?")
        for mark in marks:
            for org_id in self._orgs.get(mark.org, ()):
                if mark.genuine(self._secret, org_id):
                    yield _Proof(org_id, mark)

    async def _event(self, proof: _Proof) -> str:
        """Return the event whose mail it was, or "" where it is not among the newest."""
        if proof.org_id not in self._events:
            newest = await self._log.deliveries(DeliveryFilter(proof.org_id), limit=_NEWEST)
            self._events[proof.org_id] = {self._tag(each): each.event_id for each in newest}
        return self._events[proof.org_id].get(proof.mark.event, "")

    def _tag(self, delivery: Delivery) -> bytes:
        return event_tag(self._secret, delivery.org_id, delivery.event_id, delivery.trigger)


def _of_one_recipient(proofs: Collection[_Proof]) -> _Proof | None:
    whose = {(proof.org_id, proof.mark.recipient) for proof in proofs}
    return next(iter(proofs)) if len(whose) == 1 else None


def _finding(fate: Fate) -> Finding:
    if fate.action in _ARRIVED:
        return Finding.DELIVERED
    if fate.action is Action.DELAYED or fate.status.startswith("4"):
        return Finding.TEMPORARY
    return Finding.SUPPRESSED if no_such_mailbox(fate.status) else Finding.OTHER_REASON
