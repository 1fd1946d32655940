"""Folding in the ledger in memory: of a storm the first is told at once, the others together."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from dispatcher.adapters.store.memory_letters import MemoryDeadLetters
from dispatcher.adapters.store.memory_log import Key, Record
from dispatcher.delivery import State
from dispatcher.ledger import Claim, Fold
from dispatcher.ports import Clock


@dataclass(slots=True)
class _Window:
    """A storm's window: its end, the delivery that opened it and its follow-up."""

    ends: datetime
    holder: Key
    follower: Key | None = None


class MemoryFolding(MemoryDeadLetters):
    """Says how changes are told that may be of a storm.

    Args:
        clock: Tells the time.
        retention: For how many seconds a finished delivery is answerable.
    """

    def __init__(self, clock: Clock, *, retention: float = 604800.0) -> None:
        super().__init__(clock, retention=retention)
        self._windows: dict[str, _Window] = {}
        self._told_by: dict[Key, Key] = {}

    async def fold(self, claim: Claim, subject: str, window: float) -> Fold:
        """Say how a change is told that may be one of a storm."""
        key = claim.org_id, claim.event_id
        record = self._kept.get(key)
        if record is None or record.token != claim.token or record.goes_at_once:
            return Fold()
        if key in self._told_by:
            return Fold(into=self._told_by[key][1])
        if record.delivery.changes:
            return self._follow_up(key, record, subject, window)
        return self._first_or_later(key, record, subject, window)

    def _follow_up(self, key: Key, record: Record, subject: str, window: float) -> Fold:
        opened = self._windows.get(subject)
        changes = record.delivery.changes
        if opened and opened.follower == key:
            wait = (opened.ends - self._clock.now()).total_seconds()
            if wait > 0 and window > 0 and not record.revived_at:
                return Fold(changes, wait)
            self._open_window(subject, key, window)
        return Fold(changes)

    def _first_or_later(self, key: Key, record: Record, subject: str, window: float) -> Fold:
        opened = self._windows.get(subject)
        follower = opened and opened.follower
        other = self._kept.get(follower) if follower else None
        if follower and other and other.delivery.state is not State.DEAD:
            self._told_by[key] = follower
            self._change(other, changes=other.delivery.changes + 1)
            return Fold(into=follower[1])
        wait = (opened.ends - self._clock.now()).total_seconds() if opened else 0.0
        if opened and wait > 0 and opened.holder != key:
            opened.follower = key
            self._change(record, changes=1)
            return Fold(1, wait)
        record.goes_at_once = True
        self._open_window(subject, key, window)
        return Fold()

    def _open_window(self, subject: str, holder: Key, window: float) -> None:
        ends = self._clock.now() + timedelta(seconds=window)
        self._windows[subject] = _Window(ends, holder)
