"""Outcomes counted by organization, for whoever comes by and takes the counts along."""

from collections import Counter, defaultdict
from collections.abc import Mapping

from dispatcher.adapters.observers.words import words
from dispatcher.delivery import Observed
from dispatcher.policy import Written
from dispatcher.workforce import Counts


class TallyObserver:
    """Counts what this process did since somebody asked last."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def take(self) -> Mapping[str, Counts]:
        """Return the counts by organization and outcome, and begin anew."""
        counts, self._counts = self._counts, defaultdict(Counter)
        return counts

    def put_back(self, counts: Mapping[str, Counts]) -> None:
        """Count what was taken and came nowhere."""
        for org_id, outcomes in counts.items():
            self._counts[org_id].update(outcomes)

    def finished(self, delivery: Observed) -> None:
        """Count one walk; what another worker has taken over is that one's."""
        if not delivery.fenced:
            self._counts[delivery.org_id][words(delivery.report.outcome)[0]] += 1

    def policy_written(self, written: Written) -> None:
        """Count nothing."""

    def policy_refused(self, error: Exception) -> None:
        """Count nothing."""

    def relay_changed(self, relay: str, reason: str) -> None:
        """Count nothing."""

    def waiting(self, what: str, error: Exception) -> None:
        """Count nothing."""

    def received(self, connection: str, result: str, count: int = 1) -> None:
        """Count nothing."""
