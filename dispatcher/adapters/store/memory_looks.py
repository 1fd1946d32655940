"""Looks in memory: for tests and trials."""

from collections.abc import MutableMapping, Sequence
from dataclasses import replace

from dispatcher.look import Alter, Look, LookWritten
from dispatcher.ports import Clock


class MemoryLookStore:
    """Keeps looks as long as the process lives.

    Args:
        clock: Tells when a look is changed.
        looks: Where to keep them, by organization.
    """

    def __init__(self, clock: Clock, looks: MutableMapping[str, Look] | None = None) -> None:
        self._clock = clock
        self._looks = {} if looks is None else looks
        self._sequences: dict[str, int] = {}

    async def load(self, org_id: str) -> Look | None:
        """Return the organization's look, or None."""
        return self._looks.get(org_id)

    async def put(self, org_id: str, alter: Alter) -> LookWritten:
        """Replace the look by what *alter* makes of it; what is so already changes nothing."""
        sequence = self._sequences.get(org_id, 0)
        old = self._looks.get(org_id) or Look(org_id, sequence=sequence)
        new = alter(old)
        if new == old:
            return LookWritten(old, changed=False)
        self._sequences[org_id] = sequence + 1
        new = replace(new, sequence=sequence + 1, changed_at=self._clock.now())
        if new.is_set:
            self._looks[org_id] = new
        else:
            del self._looks[org_id]
        return LookWritten(new, changed=True)

    async def organizations(self) -> Sequence[str]:
        """Return who has a look, in order."""
        return sorted(self._looks)
