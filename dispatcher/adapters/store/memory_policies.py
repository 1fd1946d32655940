"""Policies in memory: for tests and trials."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from dispatcher.policy import INSTANCE, Change, Effect, Policy, Presence, Written
from dispatcher.ports import Clock

_CHANGES_KEPT: Final = 1000


class MemoryPolicyStore:
    """Keeps policies as long as the process lives.

    Args:
        clock: Tells when a policy is created and changed.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._policies: dict[str, Policy] = {}
        self._sequences: dict[str, int] = {}
        self._changes: dict[str, deque[Change]] = {}

    async def load(self, owner: str) -> Policy | None:
        """Return the owner's own policy, or None."""
        return self._policies.get(owner)

    async def effective(self, org_id: str) -> Policy | None:
        """Return what counts for the organization: its own policy over the default, or None."""
        own, default = self._policies.get(org_id), self._policies.get(INSTANCE)
        return own.over(default) if own else default

    async def put(
        self,
        owner: str,
        switches: Mapping[str, bool],
        *,
        presence: Presence = Presence.ANY,
        by: str = "",
    ) -> Written:
        """Set *switches* on the owner's policy, creating it unless *presence* forbids."""
        policy = before = self._policies.get(owner)
        forbidden = Presence.ABSENT if policy else Presence.PRESENT
        if presence is forbidden:
            return Written(Effect.REFUSED, policy)
        now = self._clock.now()
        if policy is None:
            policy = Policy(owner, dict(switches), self._next(owner), now, now)
            effect = Effect.CREATED
        else:
            changes = {name: on for name, on in switches.items() if policy.switches.get(name) != on}
            if not changes:
                return Written(Effect.UNCHANGED, policy)
            merged = {**policy.switches, **changes}
            policy = replace(policy, switches=merged, sequence=self._next(owner), changed_at=now)
            effect = Effect.CHANGED
        self._policies[owner] = policy
        self._note(owner, effect, by, before, policy)
        return Written(effect, policy)

    async def remove(self, owner: str, *, by: str = "") -> Policy | None:
        """Remove the owner's policy; return it as removed (sequence and time of that), or None."""
        policy = self._policies.pop(owner, None)
        if policy is None:
            return None
        removed = replace(policy, sequence=self._next(owner), changed_at=self._clock.now())
        self._note(owner, Effect.REMOVED, by, policy, None)
        return removed

    async def history(self, owner: str, *, limit: int = 100) -> Sequence[Change]:
        """Return the last changes of the owner's policy, newest first; the last 1,000 are kept."""
        return list(reversed(self._changes.get(owner, ())))[: max(0, limit)]

    def _note(
        self, owner: str, effect: Effect, by: str, before: Policy | None, after: Policy | None
    ) -> None:
        changes = self._changes.setdefault(owner, deque(maxlen=_CHANGES_KEPT))
        changes.append(
            Change(
                self._sequences[owner],
                self._clock.now(),
                "".join(letter if letter.isprintable() else "?" for letter in by),
                effect,
                before.switches if before else None,
                after.switches if after else None,
            )
        )

    def _next(self, owner: str) -> int:
        self._sequences[owner] = self._sequences.get(owner, 0) + 1
        return self._sequences[owner]
