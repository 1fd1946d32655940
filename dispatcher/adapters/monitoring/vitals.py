"""Whether a process is alive and ready, in its own words and in others'."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a process is there for."""

    WORKER = "worker"
    CHILD = "child"
    """One of a worker's pool: its worker's canary goes through it."""
    API = "api"


@dataclass(frozen=True, slots=True)
class Vitals:
    """How one process is.

    Args:
        process: Its name.
        role: What it is there for.
        pid: Its process id; 0 where it does not answer.
        alive: Whether its event loop turns.
        ready: Whether it does what it is there for.
        reason: Why not.
        answers_at: Addresses at which it answers for all processes of this machine.
    """

    process: str
    role: Role
    pid: int
    alive: bool = True
    ready: bool = True
    reason: str = ""
    answers_at: Sequence[str] = ()

    def to_json(self) -> bytes:
        """Return them as JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Vitals":
        """Return what :meth:`to_json` wrote, by whatever version.

        Raises:
            ValueError: It is something else.
        """
        told = json.loads(text)
        try:
            return cls(
                process=str(told["process"]),
                role=Role(told["role"]),
                pid=int(told["pid"]),
                alive=bool(told["alive"]),
                ready=bool(told["ready"]),
                reason=str(told["reason"]),
                answers_at=tuple(map(str, told.get("answers_at", ()))),
            )
        except (KeyError, TypeError) as error:
            raise ValueError("no vitals") from error
