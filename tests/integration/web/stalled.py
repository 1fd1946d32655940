"""A store that keeps its callers waiting."""

import asyncio

from dispatcher.adapters.store.memory_policies import MemoryPolicyStore
from dispatcher.policy import Policy
from tests.builders import StandingClock


class StalledStore(MemoryPolicyStore):
    """Answers a read only when told to; tells who waits, and who has left."""

    def __init__(self) -> None:
        super().__init__(StandingClock())
        self.entered, self.left, self.answer = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def effective(self, org_id: str) -> Policy | None:
        self.entered.set()
        try:
            await self.answer.wait()
        finally:
            self.left.set()
        return await super().effective(org_id)
