"""Outcomes counted by organization, for whoever comes by and takes the counts along."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Final

from dispatcher.delivery import Dead, Deferred, Observed, Outcome, Sent, Skipped
from dispatcher.policy import Written
from dispatcher.workforce import Counts

_NAMES: Final[Mapping[type[Outcome], str]] = {
    Sent: "sent",
    Skipped: "skipped",
    Deferred: "deferred",
    Dead: "dead",
}


class TallyObserver:
    """Counts what this process did since somebody asked last; to count costs next to nothing."""

    def __init__(self) -> None:
        self._counts: defaultdict[tuple[str, type[Outcome]], int] = defaultdict(int)

    def take(self) -> Mapping[str, Counts]:
        """Return the counts by organization and outcome, and begin anew."""
        counted, self._counts = self._counts, defaultdict(int)
        taken: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for (org_id, outcome), count in counted.items():
            taken[org_id][_NAMES[outcome]] += count
        return taken

    def put_back(self, counts: Mapping[str, Counts]) -> None:
        """Count what was taken and came nowhere."""
        for org_id, outcomes in counts.items():
            for outcome, name in _NAMES.items():
                if name in outcomes:
                    self._counts[org_id, outcome] += outcomes[name]

    def finished(self, delivery: Observed) -> None:
        """Count one walk; what another worker has taken over is that one's."""
        if not delivery.fenced:
            self._counts[delivery.org_id, type(delivery.report.outcome)] += 1

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
