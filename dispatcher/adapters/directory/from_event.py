"""The event itself as the directory: it names whom to tell."""

from typing import Final

from dispatcher.delivery import Skipped, SkipReason
from dispatcher.events import Addressee, Event, Recipient

_NOBODY: Final = Skipped(SkipReason.NO_RECIPIENT)


class FromEvent:
    """Takes the recipient from the event."""

    async def find(
        self, event: Event, addressee: Addressee = Addressee.CURRENT
    ) -> Recipient | Skipped:
        """Return the event's address, or that it has none.

        An address that is known to be unverified gives way to the one before it:
        whoever took an account over may have set the new one.
        """
        user = event.user if addressee is Addressee.CURRENT else event.user.before()
        distrusted = user.email_verified is False and user.previous_email is not None
        address = user.previous_email if distrusted else user.email or user.previous_email
        if address is None:
            return _NOBODY
        return Recipient(address, user.display_name or user.login_name, user.locale)
