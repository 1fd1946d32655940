"""Correspondence in memory: for tests and trials."""

from collections.abc import MutableMapping

from dispatcher.look import Look
from dispatcher.ports import Terms
from dispatcher.sender import Sender
from dispatcher.suppression import EVERYWHERE, Suppression


class MemoryCorrespondence:
    """Knows the senders, suppressions and looks that it was given.

    Args:
        senders: By organization.
        suppressions: By scope and the recipient's fingerprint.
        looks: By organization.
    """

    def __init__(
        self,
        senders: MutableMapping[str, Sender] | None = None,
        suppressions: MutableMapping[tuple[str, str], Suppression] | None = None,
        looks: MutableMapping[str, Look] | None = None,
    ) -> None:
        self.senders = {} if senders is None else senders
        self.suppressions = {} if suppressions is None else suppressions
        self.looks = {} if looks is None else looks

    async def terms(self, org_id: str, recipient: str) -> Terms:
        """Return what counts for mails of the organization to that recipient."""
        scopes = (EVERYWHERE, recipient), (org_id, recipient)
        found = (self.suppressions[scope] for scope in scopes if scope in self.suppressions)
        return Terms(self.senders.get(org_id), next(found, None), self.looks.get(org_id))
