"""Suppressing addresses: by an operator, by a bounce, by a relay that knows no such mailbox."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from dispatcher.delivery import Dead, Report, Sent
from dispatcher.judge import disproves_mailbox
from dispatcher.message import fingerprint
from dispatcher.ports import Claim, Clock, SuppressionStore
from dispatcher.suppression import EVERYWHERE, Kept, Suppression, SuppressionReason

_FINGERPRINT: Final = re.compile("[0-9a-f]{16}")
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Suppressions:
    """The addresses that get no mail: one service behind the walk, the command line, the API.

    Args:
        store: Keeps them.
        clock: Tells the time.
        secret: Keys the fingerprints of addresses.
        age: Seconds after which a bounce is forgotten, so that the address is tried again.
    """

    store: SuppressionStore
    clock: Clock
    secret: bytes
    age: float

    def known_by(self, address: str) -> str:
        """Return the fingerprint of an address; one that is a fingerprint already stays."""
        address = address.strip()
        is_one = _FINGERPRINT.fullmatch(address)
        return address if is_one else fingerprint(self.secret, address)

    async def forbid(self, scope: str, address: str, note: str = "") -> Kept:
        """Let an address get no mail until somebody allows it again.

        Args:
            scope: An organization's id, or :data:`~dispatcher.suppression.EVERYWHERE`.
            address: The address, or its fingerprint.
            note: Why; it is shown to operators, so it should not hold the address.
        """
        reason, now = SuppressionReason.OPERATOR, self.clock.now()
        return await self.store.add(
            Suppression(scope, self.known_by(address), reason, now, note.strip())
        )

    async def allow(self, scope: str, address: str) -> Suppression | None:
        """Let an address get mail again; return what stood against it, None where nothing did."""
        return await self.store.remove(scope, self.known_by(address))

    async def bounced(self, scope: str, recipient: str, status: str, event_id: str = "") -> Kept:
        """Note that there is no such mailbox.

        Args:
            scope: The organization whose mail came back.
            recipient: The fingerprint of the address.
            status: The enhanced status code that says so.
            event_id: The event whose mail it was, where that is known.
        """
        now = self.clock.now()
        until = now + timedelta(seconds=self.age)
        return await self.store.add(
            Suppression(
                scope, recipient, SuppressionReason.HARD_BOUNCE, now, status, event_id, until
            )
        )

    async def standing(self, org_id: str, recipient: str) -> Suppression | None:
        """Return what stands against mail of an organization to a fingerprint, None if nothing."""
        everywhere = await self.store.find(EVERYWHERE, recipient)
        return everywhere or await self.store.find(org_id, recipient)

    async def learn(self, claim: Claim, report: Report) -> None:
        """Learn from what became of a walk.

        A mailbox that the relay knows not to exist is suppressed; one that took a mail which a
        person sent again is suppressed no longer, unless a person said so.
        """
        match report.outcome, report.attempt:
            case Dead(), attempt if attempt and disproves_mailbox(attempt):
                status = attempt.enhanced
                await self.bounced(claim.org_id, report.recipient, status, claim.event_id)
            case Sent(), _ if claim.revived_at:
                reason = SuppressionReason.HARD_BOUNCE
                await self.store.remove(claim.org_id, report.recipient, reason=reason)

    async def listed(self, scope: str = "", address: str = "") -> AsyncIterator[Suppression]:
        """Yield suppressions, newest first: of one scope or all, of one address or all."""
        recipient = self.known_by(address) if address else ""
        behind = ""
        while True:
            page = await self.store.page(scope, behind=behind, limit=_AT_ONCE)
            for one in page.suppressions:
                if recipient in {"", one.recipient}:
                    yield one
            behind = page.behind
            if not behind:
                return
