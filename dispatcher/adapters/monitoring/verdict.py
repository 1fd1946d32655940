"""What probes are answered: one verdict about several processes."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus

from dispatcher.adapters.monitoring.plain_http import Reply
from dispatcher.adapters.monitoring.vitals import Role, Vitals

WORKERS = frozenset({Role.WORKER, Role.CHILD})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all is well.

    Args:
        is_well: Whether it is, with every process.
        reasons: What is not, process by process.
        processes: All that were looked at.
    """

    is_well: bool
    reasons: Sequence[str]
    processes: Sequence[Vitals]

    def to_json(self) -> bytes:
        """Return it as JSON, one line."""
        told = {
            "status": "ok" if self.is_well else "; ".join(self.reasons),
            "processes": [asdict(each) for each in self.processes],
        }
        return json.dumps(told).encode() + b"\n"

    def reply(self) -> Reply:
        """Return it as a probe's answer."""
        status = HTTPStatus.OK if self.is_well else HTTPStatus.SERVICE_UNAVAILABLE
        return Reply(self.to_json(), "application/json", status)


def alive(crew: Sequence[Vitals]) -> Verdict:
    """Return whether every process's loop turns."""
    return _verdict([each for each in crew if not each.alive], crew)


def ready(crew: Sequence[Vitals], roles: Collection[Role]) -> Verdict:
    """Return whether every process of these roles does what it is there for."""
    asked = [each for each in crew if each.role in roles]
    if not asked:
        return Verdict(is_well=False, reasons=["no such process is there"], processes=crew)
    return _verdict([each for each in asked if not (each.alive and each.ready)], asked)


def _verdict(unwell: Sequence[Vitals], crew: Sequence[Vitals]) -> Verdict:
    reasons = [f"{each.process}: {each.reason or 'not ready'}" for each in unwell]
    return Verdict(not unwell, reasons, crew)
