"""Whom to tell, after what the event and the directory say."""

from typing import Final

from dispatcher.adapters.directory.entry import Entry
from dispatcher.delivery import Skipped, SkipReason
from dispatcher.events import Recipient, User

_UNKNOWN: Final = Skipped(SkipReason.NO_RECIPIENT, "its directory knows no such user")
_MACHINE: Final = Skipped(SkipReason.NO_RECIPIENT, "its directory knows it for a machine")
_INACTIVE: Final = Skipped(SkipReason.USER_INACTIVE, "its directory knows it for inactive")
_NO_ADDRESS: Final = Skipped(SkipReason.NO_RECIPIENT, "its directory knows no address of the user")
_UNVERIFIED: Final = Skipped(
    SkipReason.NO_RECIPIENT, "its directory knows no verified address of the user"
)


def chosen(
    user: User, entry: Entry | None, *, is_truth: bool, takes_unverified: bool
) -> Recipient | Skipped:
    """Return whom to tell, or why rightly nobody is.

    A verified address is preferred: whoever took an account over may have set another one.

    Args:
        user: As the event has them.
        entry: As the directory has them; None where it has nobody of that id.
        is_truth: Whether the directory is right where both say something.
        takes_unverified: Whether an address that the directory knows to be unverified will do.
    """
    if entry is None:
        return _UNKNOWN
    if not entry.is_person:
        return _MACHINE
    if not entry.is_active:
        return _INACTIVE
    address = _address(user, entry, takes_unverified=takes_unverified)
    if address is None:
        return _NO_ADDRESS if entry.address is None else _UNVERIFIED
    if is_truth:
        name, locale = entry.name or user.display_name, entry.locale or user.locale
    else:
        name, locale = user.display_name or entry.name, user.locale or entry.locale
    return Recipient(address, name or user.login_name, locale)


def _address(user: User, entry: Entry, *, takes_unverified: bool) -> str | None:
    will_do = entry.is_verified is not False or (takes_unverified and not user.email_verified)
    if entry.address is not None and will_do:
        return entry.address
    return None if user.email_verified is False else user.email
