"""Former mailboxes in memory: for tests and trials."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dispatcher.ports import Account, Clock


class MemoryFormerAddressStore:
    """Keeps the addresses that accounts had until lately, as long as the process lives.

    Args:
        clock: Tells the time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._kept: dict[Account, tuple[str, datetime]] = {}

    async def remember(self, account: Account, address: str, age: float) -> None:
        """Keep the address that an account had, for so many seconds."""
        self._kept[account] = address, self._clock.now() + timedelta(seconds=age)

    async def recall(self, accounts: Sequence[Account]) -> Sequence[str | None]:
        """Return the address that each account had until lately, or None."""
        now = self._clock.now()
        kept = [self._kept.get(account) for account in accounts]
        return [found[0] if found and found[1] > now else None for found in kept]
