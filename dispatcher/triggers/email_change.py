"""The mail that tells a mailbox that it is no longer the one of an account.

It goes to the address before the change, because whoever took an account over reads the
new one; and it does not name the new one, because the old mailbox may be somebody else's
by now.
"""

from collections.abc import Mapping
from typing import Final

from dispatcher.events import Addressee, Event
from dispatcher.message import Fact
from dispatcher.triggers import Trigger, circumstances

EMAIL_CHANGED: Final = "iam.user.email_changed.v1"


def facts(event: Event) -> Mapping[str, Fact]:
    """Return what the notice may say: when, from where, who did it; never the new address."""
    return {**circumstances(event), "login_name": event.user.before().login_name}


TRIGGER = Trigger(
    name="email_change",
    event_type=EMAIL_CHANGED,
    switch="emailChange",
    facts=facts,
    occasion="their email address changes",
    addressee=Addressee.PREVIOUS,
)
