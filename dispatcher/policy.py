"""What an organization wants its people told: the policy.

A policy is an open map of switches, so a new kind of mail needs no change here.
A switch that neither the organization nor the default sets is off.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from dispatcher.errors import PolicyNotFound

INSTANCE: Final = "*"
"""The owner of the default policy; no organization can be called that."""

COMPATIBLE: Final = frozenset({"passwordChange"})
"""The switches of the API that we mirror; its answers tell of others only when asked to."""

_ORGANIZATION: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def can_be_organization(owner: str) -> bool:
    """Tell whether an organization can be called that."""
    return _ORGANIZATION.fullmatch(owner) is not None


class Manner(StrEnum):
    """How changes are taken."""

    SETTING = "setting"
    """A change says how things shall be, because callers and queues try again: an update
    creates what is not there, and setting what is already so succeeds and changes nothing."""
    ZITADEL = "zitadel"
    """To the letter of the API we mirror: an update changes what is there, or is refused."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The switches of one organization, or the instance's default.

    Args:
        owner: The organization's id, or :data:`INSTANCE`.
        switches: Switch name → on or off, for example ``{"passwordChange": True}``.
        sequence: How many changes the owner's policy has seen, resets included; it never falls.
        created_at: When this policy was added, aware UTC.
        changed_at: When it last changed, aware UTC.
    """

    owner: str
    switches: Mapping[str, bool]
    sequence: int
    created_at: datetime
    changed_at: datetime

    @property
    def is_default(self) -> bool:
        """Tell whether this is the instance's default."""
        return self.owner == INSTANCE

    def permits(self, switch: str) -> bool:
        """Tell whether *switch* is on."""
        return self.switches.get(switch, False)

    def over(self, default: "Policy | None") -> "Policy":
        """Return this policy, which leaves to the default each switch that it does not set.

        So an organization that decides about one kind of mail has said nothing of the others.
        """
        if default is None or default.switches.keys() <= self.switches.keys():
            return self
        return replace(self, switches={**default.switches, **self.switches})


class Presence(StrEnum):
    """What must be true of a policy before it is written."""

    ANY = "any"
    ABSENT = "absent"
    PRESENT = "present"


class Effect(StrEnum):
    """What a write did."""

    CREATED = "created"
    CHANGED = "changed"
    REMOVED = "removed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    """The policy was there, or was not, against what the writer asked for."""


@dataclass(frozen=True, slots=True)
class Written:
    """A write's effect, and the policy as it now stands, or stood when it was removed.

    None where there is none.
    """

    effect: Effect
    policy: Policy | None

    @property
    def standing(self) -> Policy:
        """The policy as it now stands.

        Raises:
            PolicyNotFound: There is none: the write was refused for that.
        """
        if self.policy is None:
            raise PolicyNotFound("there is no policy to change")
        return self.policy


@dataclass(frozen=True, slots=True)
class Details:
    """What an answer tells of a policy beside its switches.

    Args:
        sequence: The policy's.
        created_at: When it was added; None where this answer does not tell.
        changed_at: When it last changed; None where this answer does not tell.
        resource_owner: The organization's id, or the instance's.
    """

    sequence: int
    created_at: datetime | None
    changed_at: datetime | None
    resource_owner: str


@dataclass(frozen=True, slots=True)
class Change:
    """One change of a policy, for auditors.

    Args:
        sequence: The policy's sequence since then.
        at: When, by the store's clock.
        by: Who: ``task``, ``cli:<user>``, or an API caller's id; "" where it is not known.
        effect: What was done.
        before: The switches before; None where there was no policy.
        after: The switches since; None where it was removed.
    """

    sequence: int
    at: datetime
    by: str
    effect: Effect
    before: Mapping[str, bool] | None
    after: Mapping[str, bool] | None
