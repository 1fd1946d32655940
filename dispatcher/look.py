"""An organization's look: its branding, and its own texts."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final, Protocol

from dispatcher.branding import Branding
from dispatcher.texts import Wording

LARGEST: Final = 256 * 1024
"""Bytes of an organization's logo and texts together."""


@dataclass(frozen=True, slots=True)
class Look:
    """What an organization's mails look like, and say; what is empty is the instance's.

    Args:
        org_id: The organization.
        branding: How they look.
        texts: What they say in its own words, by kind of mail and language.
        sequence: How many changes it has seen.
        changed_at: When it last changed, aware UTC.
    """

    org_id: str
    branding: Branding = field(default_factory=Branding)
    texts: Mapping[tuple[str, str], Wording] = field(default_factory=lambda: MappingProxyType({}))
    sequence: int = 0
    changed_at: datetime | None = None

    @property
    def is_set(self) -> bool:
        """Tell whether anything of it is."""
        return self.branding != Branding() or bool(self.texts)

    @property
    def size(self) -> int:
        """Return the bytes of its logo and texts."""
        logo = self.branding.logo
        texts = (text for wording in self.texts.values() for text in wording.values())
        return sum(len(text.encode()) for text in texts) + (len(logo.content) if logo else 0)


Alter = Callable[[Look], Look]
"""Makes a look another one; may be asked more than once, and may raise InvalidLook."""


@dataclass(frozen=True, slots=True)
class LookWritten:
    """What became of a change.

    Args:
        look: The look as it is now.
        changed: Whether anything did.
    """

    look: Look
    changed: bool


class LookStore(Protocol):
    """Keeps organizations' looks; every write is one atomic step.

    Every method raises :class:`~dispatcher.errors.StoreUnavailable`.
    """

    async def load(self, org_id: str) -> Look | None:
        """Return the organization's look, or None."""
        ...

    async def put(self, org_id: str, alter: Alter) -> LookWritten:
        """Replace the look by what *alter* makes of it; what is so already changes nothing."""
        ...

    async def organizations(self) -> Sequence[str]:
        """Return who has a look, in order."""
        ...
