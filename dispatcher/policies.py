"""Reading and changing policies: one service behind the task, the command line and the API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from dispatcher.errors import (
    DispatcherError,
    InvalidPolicy,
    PermissionDenied,
    PolicyExists,
    PolicyNotFound,
    PolicyUnchanged,
)
from dispatcher.policy import (
    INSTANCE,
    Change,
    Details,
    Effect,
    Manner,
    Policy,
    Presence,
    Written,
    can_be_organization,
)
from dispatcher.ports import PolicyStore

Switches = Mapping[str, bool]
"""Switch name → on or off."""


class _Refusal(NamedTuple):
    """One way to be refused: the class, the id callers know it by, and in whose words."""

    error: type[DispatcherError]
    id: str
    theirs: str
    ours: str

    def told(self, manner: Manner) -> DispatcherError:
        return self.error(self.theirs if manner is Manner.ZITADEL else self.ours, id=self.id)


class _Refusals(NamedTuple):
    """How changes of one kind of policy are refused."""

    exists: _Refusal
    missing: _Refusal
    unchanged: _Refusal


_UNREADABLE: Final = _Refusal(
    *(PolicyNotFound, "QUERY-x0so2p", "Errors.NotificationPolicy.NotFound"),
    "there is no policy, neither the organization's nor a default",
)
_NOT_RESET: Final = _Refusal(
    *(PolicyNotFound, "ORG-x029n1s", "Notification Policy not found"),
    "the organization has no policy of its own",
)
_OWN: Final = _Refusals(
    exists=_Refusal(
        *(PolicyExists, "Org-xa08n2", "Notification Policy already exists"),
        "the organization has a policy already: update it",
    ),
    missing=_Refusal(
        *(PolicyNotFound, "ORG-x029n3", "Notification Policy not found"),
        "the organization has no policy of its own",
    ),
    unchanged=_Refusal(
        *(PolicyUnchanged, "Org-ioqnxz", "Notification Policy not changed"),
        "the organization's policy is so already",
    ),
)
_DEFAULT: Final = _Refusals(
    exists=_Refusal(
        *(PolicyExists, "INSTANCE-xpo1bj", "Errors.Instance.NotificationPolicy.AlreadyExists"),
        "there is a default policy already: update it",
    ),
    missing=_Refusal(
        *(PolicyNotFound, "INSTANCE-x891na", "Default Notification Policy not found"),
        "there is no default policy",
    ),
    unchanged=_Refusal(
        *(PolicyUnchanged, "INSTANCE-29x02n", "Default Notification Policy not changed"),
        "the default policy is so already",
    ),
)
_NAMELESS: Final = (
    "Resource Owner Organisation missing",
    "no organization is named: over HTTP and gRPC, x-zitadel-orgid does",
)
_NOT_ADDED: Final = _Refusal(InvalidPolicy, "Org-x801sk2i", *_NAMELESS)
_NOT_UPDATED: Final = _Refusal(InvalidPolicy, "Org-x091n1g", *_NAMELESS)
_NOT_REMOVED: Final = _Refusal(InvalidPolicy, "Org-x89ns2", *_NAMELESS)


@dataclass(frozen=True, slots=True)
class Policies:
    """The policies of all organizations, and the instance's default.

    Args:
        store: Keeps them.
        manner: How changes are taken, and in whose words they are refused.
        instance_id: What answers call the default's owner.
    """

    store: PolicyStore
    manner: Manner = Manner.SETTING
    instance_id: str = "instance"

    async def get(self, org_id: str) -> Policy:
        """Return what counts for the organization: its own policy, else the default.

        Raises:
            PolicyNotFound: There is neither; such an organization gets no mail.
        """
        policy = await self.store.effective(self._owner(org_id, _NOT_UPDATED))
        if policy is None:
            raise _UNREADABLE.told(self.manner)
        return policy

    async def get_default(self) -> Policy:
        """Return the instance's default policy.

        Raises:
            PolicyNotFound: There is none.
        """
        policy = await self.store.load(INSTANCE)
        if policy is None:
            raise _UNREADABLE.told(self.manner)
        return policy

    async def add(self, org_id: str, switches: Switches, *, by: str) -> Written:
        """Give the organization a policy of its own.

        Args:
            org_id: The organization.
            switches: What it begins with.
            by: Who does it, for the history.

        Raises:
            PolicyExists: It has one.
        """
        return await self._add(self._owner(org_id, _NOT_ADDED), switches, by, _OWN)

    async def update(self, org_id: str, switches: Switches, *, by: str) -> Written:
        """Set switches of the organization's policy.

        In the manner of setting this creates the policy where there is none, and setting
        what is already so succeeds and changes nothing.

        Raises:
            PolicyNotFound: It has none of its own (in ZITADEL's manner).
            PolicyUnchanged: It is so already (in ZITADEL's manner).
        """
        return await self._update(self._owner(org_id, _NOT_UPDATED), switches, by, _OWN)

    async def reset(self, org_id: str, *, by: str) -> Written:
        """Remove the organization's own policy, so that the default counts again.

        Raises:
            PolicyNotFound: It has none of its own.
        """
        removed = await self.store.remove(self._owner(org_id, _NOT_REMOVED), by=by)
        if removed is None:
            raise _NOT_RESET.told(self.manner)
        return Written(Effect.REMOVED, removed)

    async def add_default(self, switches: Switches, *, by: str) -> Written:
        """Give the instance a default policy.

        Raises:
            PolicyExists: There is one.
        """
        return await self._add(INSTANCE, switches, by, _DEFAULT)

    async def update_default(self, switches: Switches, *, by: str) -> Written:
        """Set switches of the default policy, as :meth:`update` does.

        Raises:
            PolicyNotFound: There is none (in ZITADEL's manner).
            PolicyUnchanged: It is so already (in ZITADEL's manner).
        """
        return await self._update(INSTANCE, switches, by, _DEFAULT)

    async def seed_default(self, switches: Switches) -> None:
        """Set the instance's default unless there is one."""
        await self.store.put(INSTANCE, switches, presence=Presence.ABSENT, by="settings")

    async def history(self, org_id: str, *, limit: int = 100) -> Sequence[Change]:
        """Return the last changes of the organization's own policy, newest first."""
        return await self.store.history(self._owner(org_id, _NOT_UPDATED), limit=limit)

    async def default_history(self, *, limit: int = 100) -> Sequence[Change]:
        """Return the last changes of the default policy, newest first."""
        return await self.store.history(INSTANCE, limit=limit)

    def details(self, told: Policy | Written) -> Details:
        """Return what an answer tells of a policy that was read, or of a change.

        In ZITADEL's manner an addition does not tell when the policy changed, nor any other
        change when it was added.
        """
        policy = told if isinstance(told, Policy) else told.standing
        owner = self.instance_id if policy.is_default else policy.owner
        details = Details(policy.sequence, policy.created_at, policy.changed_at, owner)
        if isinstance(told, Policy) or self.manner is Manner.SETTING:
            return details
        if told.effect is Effect.CREATED:
            return replace(details, changed_at=None)
        return replace(details, created_at=None)

    async def _add(self, owner: str, switches: Switches, by: str, refusals: _Refusals) -> Written:
        written = await self.store.put(owner, switches, presence=Presence.ABSENT, by=by)
        if written.effect is Effect.REFUSED:
            raise refusals.exists.told(self.manner)
        return written

    async def _update(
        self, owner: str, switches: Switches, by: str, refusals: _Refusals
    ) -> Written:
        if self.manner is Manner.SETTING:
            return await self.store.put(owner, switches, by=by)
        written = await self.store.put(owner, switches, presence=Presence.PRESENT, by=by)
        if written.effect is Effect.REFUSED:
            raise refusals.missing.told(self.manner)
        if written.effect is Effect.UNCHANGED:
            raise refusals.unchanged.told(self.manner)
        return written

    def _owner(self, org_id: str, missing: _Refusal) -> str:
        """Return the organization's id; the default's owner, above all, is none."""
        if not org_id:
            raise missing.told(self.manner)
        if not can_be_organization(org_id):
            raise PermissionDenied("Organisation doesn't exist", id="AUTH-Bs7Ds")
        return org_id
