"""Reading and changing policies: one service behind the task, the command line and the API."""

from collections.abc import Mapping
from dataclasses import dataclass

from dispatcher.errors import PolicyNotFound
from dispatcher.policy import INSTANCE, Policy, Presence, Written
from dispatcher.ports import PolicyStore


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of all organizations, and the instance's default.

    Args:
        store: Keeps them.
    """

    store: PolicyStore

    async def effective(self, org_id: str) -> Policy:
        """Return what counts for the organization: its own policy, else the default.

        Raises:
            PolicyNotFound: There is neither; such an organization gets no mail.
        """
        policy = await self.store.effective(org_id)
        if policy is None:
            raise PolicyNotFound("the organization has no policy, and there is no default")
        return policy

    async def default(self) -> Policy:
        """Return the instance's default policy.

        Raises:
            PolicyNotFound: There is none.
        """
        policy = await self.store.load(INSTANCE)
        if policy is None:
            raise PolicyNotFound("there is no default policy")
        return policy

    async def update(self, owner: str, switches: Mapping[str, bool]) -> Written:
        """Set switches, creating the policy where there is none.

        Setting what is already so succeeds and changes nothing, because a queue may
        deliver an update twice.

        Args:
            owner: An organization's id, or :data:`~dispatcher.policy.INSTANCE`.
            switches: Switch name → on or off.
        """
        return await self.store.put(owner, switches)

    async def seed_default(self, switches: Mapping[str, bool]) -> None:
        """Set the instance's default unless there is one."""
        await self.store.put(INSTANCE, switches, presence=Presence.ABSENT)

    async def reset(self, org_id: str) -> Policy:
        """Remove the organization's own policy, so that the default counts again.

        Raises:
            PolicyNotFound: It has none of its own.
        """
        removed = await self.store.remove(org_id)
        if removed is None:
            raise PolicyNotFound("the organization has no policy of its own")
        return removed
