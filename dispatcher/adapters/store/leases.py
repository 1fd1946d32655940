"""Keeps the leases of the claims that this process works on."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from dispatcher.ports import Claim


class Leases:
    """Renews what is held, every third of a lease, until it is given up.

    Args:
        renew: Renews one claim's lease; False where the claim is no longer the newest.
        lease: A lease's length in seconds.
    """

    def __init__(self, renew: Callable[[Claim], Awaitable[bool]], *, lease: float) -> None:
        self._renew = renew
        self._period = lease / 3
        self._held: dict[tuple[str, str], Claim] = {}
        self._renewal: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._held)

    def start(self) -> None:
        """Begin to renew; needs a running event loop."""
        if self._renewal is None:
            self._renewal = asyncio.get_running_loop().create_task(self._keep_renewing())

    async def close(self) -> None:
        """Stop renewing; what is still held runs out by itself."""
        renewal, self._renewal = self._renewal, None
        if renewal is not None:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal

    def hold(self, claim: Claim) -> None:
        """Renew the claim's lease from now on."""
        self._held[claim.org_id, claim.event_id] = claim

    def give_up(self, claim: Claim) -> None:
        """No longer renew the claim's lease; a newer claim of the same delivery stays."""
        name = claim.org_id, claim.event_id
        held = self._held.get(name)
        if held is not None and held.token == claim.token:
            del self._held[name]

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(self._period)
            claims = list(self._held.values())
            answers = await asyncio.gather(*map(self._renew, claims), return_exceptions=True)
            for claim, answer in zip(claims, answers, strict=True):
                # Without an answer, whatever the reason, the claim stays and the next round tries
                # again: a lease that runs out under a living worker is a second mail.
                if answer is False:
                    self.give_up(claim)
