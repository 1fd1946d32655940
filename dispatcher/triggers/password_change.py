"""The mail that tells people their password changed."""

from collections.abc import Mapping

from dispatcher.events import PASSWORD_CHANGED, Event
from dispatcher.message import Fact
from dispatcher.triggers import Trigger, circumstances


def facts(event: Event) -> Mapping[str, Fact]:
    """Return what the notice may say: what happened, when, from where, who did it."""
    return {
        **circumstances(event),
        "change": event.change.value,
        "login_name": event.user.login_name,
    }


TRIGGER = Trigger(
    name="password_change",
    event_type=PASSWORD_CHANGED,
    switch="passwordChange",
    facts=facts,
    occasion="their password changes",
)
