"""The mail that tells people their password changed."""

from collections.abc import Mapping

from dispatcher.events import PASSWORD_CHANGED, Event
from dispatcher.message import Fact
from dispatcher.triggers import Trigger


def facts(event: Event) -> Mapping[str, Fact]:
    """Return what the notice may say: what happened, when, from where, who did it."""
    return {
        "change": event.change.value,
        "changes": None,  # a storm's follow-up says how many
        "actor": event.actor.kind.value,
        "occurred_at": event.occurred_at,
        "login_name": event.user.login_name,
        "ip": event.context.ip,
        "place": event.context.place,
        "client": event.context.client,
        "user_agent": event.context.user_agent,
    }


TRIGGER = Trigger(
    name="password_change",
    event_type=PASSWORD_CHANGED,
    switch="passwordChange",
    facts=facts,
    occasion="their password changes",
)
