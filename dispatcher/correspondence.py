"""On what terms an organization writes to somebody; the port that knows."""

from dataclasses import dataclass
from typing import Protocol

from dispatcher.look import Look
from dispatcher.sender import Sender
from dispatcher.suppression import Suppression


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms an organization writes to somebody.

    Args:
        sender: Whose name its mails go out under; None where the instance's own counts.
        suppression: Why this recipient gets none; None where there is no reason.
        look: What its mails look like; None where the instance's look counts.
    """

    sender: Sender | None = None
    suppression: Suppression | None = None
    look: Look | None = None


class Correspondence(Protocol):
    """Knows how an organization's mails leave, and to whom none may go."""

    async def terms(self, org_id: str, recipient: str) -> Terms:
        """Return what counts for mails of the organization to that recipient.

        Args:
            org_id: The organization.
            recipient: The fingerprint of the address.

        Raises:
            StoreUnavailable: The store did not answer.
            SenderUnreadable: What the organization set cannot be read: no mail may leave
                under another name, or over another relay, in its place.
        """
        ...
