"""What an organization wants its people told: the policy.

A policy is an open map of switches, so a new kind of mail needs no change here.
A switch that is not set is off.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from dispatcher.errors import PolicyNotFound

INSTANCE: Final = "*"
"""The owner of the default policy; no organization can be called that."""


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


class Presence(StrEnum):
    """What must be true of a policy before it is written."""

    ANY = "any"
    ABSENT = "absent"
    PRESENT = "present"


class Effect(StrEnum):
    """What a write did."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    """The policy was there, or was not, against what the writer asked for."""


@dataclass(frozen=True, slots=True)
class Written:
    """A write's effect, and the policy as it now stands (None where there is none)."""

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
