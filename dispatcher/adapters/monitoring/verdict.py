"""What probes are answered: one verdict about several processes."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from typing import Any, Final

from dispatcher.adapters.monitoring.plain_http import Reply
from dispatcher.adapters.monitoring.vitals import Role, Vitals

WORKERS: Final = frozenset({Role.WORKER, Role.CHILD})


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether all is well.

    Args:
        processes: All that were looked at.
        unwell: Those of them that are not well.
        missing: What is wrong with none of them, or "".
    """

    processes: Sequence[Vitals]
    unwell: Sequence[Vitals] = ()
    missing: str = ""

    @property
    def is_well(self) -> bool:
        """Whether all is."""
        return not (self.unwell or self.missing)

    @property
    def reasons(self) -> Sequence[str]:
        """What is not well, process by process."""
        told = [f"{each.process}: {each.reason or 'not ready'}" for each in self.unwell]
        return [*told, self.missing] if self.missing else told

    def told(self) -> Mapping[str, Any]:
        """Return it in plain values."""
        status = "ok" if self.is_well else "; ".join(self.reasons)
        return {"status": status, "processes": [asdict(each) for each in self.processes]}

    def reply(self) -> Reply:
        """Return it as a probe's answer."""
        status = HTTPStatus.OK if self.is_well else HTTPStatus.SERVICE_UNAVAILABLE
        return Reply(json.dumps(self.told()).encode() + b"\n", "application/json", status)


def alive(crew: Sequence[Vitals]) -> Verdict:
    """Return whether every process's loop turns."""
    return _verdict(crew, [each for each in crew if not each.alive])


def ready(crew: Sequence[Vitals], roles: Collection[Role]) -> Verdict:
    """Return whether every process of these roles does what it is there for."""
    asked = [each for each in crew if each.role in roles]
    return _verdict(asked, [each for each in asked if not (each.alive and each.ready)])


def _verdict(asked: Sequence[Vitals], unwell: Sequence[Vitals]) -> Verdict:
    return Verdict(asked, unwell, "" if asked else "no process is there")
