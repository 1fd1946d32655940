"""Outcomes as log lines: one per delivery, none with personal data."""

from time import monotonic
from typing import Final

import structlog

from dispatcher.adapters.observers.floodgate import Floodgate, Kind
from dispatcher.adapters.observers.words import words
from dispatcher.delivery import Dead, Observed
from dispatcher.policy import Written

_QUIET: Final = 10.0
"""Seconds between two lines about the same thing being away."""


class LogObserver:
    """Writes one line per outcome, and one now and then while something is away.

    Args:
        rate: Most lines per second about deliveries with one outcome for one reason; what needs a
            person is always written. 0 writes all.
    """

    def __init__(self, rate: int = 0) -> None:
        self._log = structlog.get_logger("dispatcher")
        self._floodgate = Floodgate(rate, self._kept_back)
        self._told: dict[str, float] = {}

    def finished(self, delivery: Observed) -> None:
        """Log what became of one walk; what needs a person is a warning."""
        outcome, reason = words(delivery.report.outcome)
        needs_a_person = isinstance(delivery.report.outcome, Dead) or delivery.fenced
        if not (needs_a_person or self._floodgate.admits(outcome, reason)):
            return
        write = self._log.warning if needs_a_person else self._log.info
        attempt = delivery.report.attempt
        write(
            "delivery",
            outcome=outcome,
            reason=reason,
            org_id=delivery.org_id,
            event_id=delivery.event_id,
            seconds=round(delivery.seconds, 4),
            **({"attempt": attempt.number, "relay": attempt.relay} if attempt else {}),
            **({"code": attempt.code} if attempt and attempt.code else {}),
            **({"fenced": True} if delivery.fenced else {}),
            **({"trace_id": delivery.trace_id} if delivery.trace_id else {}),
        )

    def _kept_back(self, kind: Kind, count: int) -> None:
        outcome, reason = kind
        self._log.info("deliveries not shown", outcome=outcome, reason=reason, count=count)

    def policy_written(self, written: Written) -> None:
        """Log a policy update."""
        policy = written.standing
        self._log.info(
            "policy",
            effect=written.effect.value,
            owner=policy.owner,
            sequence=policy.sequence,
            switches=dict(policy.switches),
        )

    def policy_refused(self, error: Exception) -> None:
        """Log a policy update that was refused."""
        self._log.warning("policy", effect="refused", detail=str(error))

    def relay_changed(self, relay: str, reason: str) -> None:
        """Log once when a relay goes away, and once when it is back."""
        if reason:
            self._log.error("relay away", relay=relay, reason=reason)
        else:
            self._log.warning("relay back", relay=relay)

    def waiting(self, what: str, error: Exception) -> None:
        """Log that something is away: the first time, then at most every ten seconds."""
        now = monotonic()
        if now - self._told.get(what, -_QUIET) < _QUIET:
            return
        self._told[what] = now
        self._log.error("waiting", for_=what, error=type(error).__name__, detail=str(error))

    def received(self, connection: str, result: str, count: int = 1) -> None:
        """Log what became of calls, for who looks closely: the delivery has a line of its own."""
        self._log.debug("received", connection=connection, result=result, count=count)
