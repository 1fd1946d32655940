"""Kinds of mail: each module here is one trigger, found by being here.

A trigger says which event it answers to, which policy switch permits it, which
template it fills, and with which facts. Adding one is one module and one folder
under ``templates/``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules

from dispatcher.errors import ConfigError, UnknownTrigger
from dispatcher.events import Addressee, Event
from dispatcher.message import Fact


@dataclass(frozen=True, slots=True)
class Trigger:
    """One kind of mail.

    Args:
        name: The name in logs and metrics; also the template folder's.
        event_type: The event it answers to (CloudEvents' type).
        switch: The policy switch that permits it, as the API spells it.
        facts: What its templates may show of an event.
        occasion: When people are told, to end a sentence with: ``their password changes``.
        addressee: Which of the user's mailboxes it is for.
    """

    name: str
    event_type: str
    switch: str
    facts: Callable[[Event], Mapping[str, Fact]]
    occasion: str
    addressee: Addressee = Addressee.CURRENT


def circumstances(event: Event) -> dict[str, Fact]:
    """Return what every kind of mail may show: when, from where, who did it."""
    return {
        "changes": None,  # a storm's follow-up says how many
        "actor": event.actor.kind.value,
        "occurred_at": event.occurred_at,
        "ip": event.context.ip,
        "place": event.context.place,
        "client": event.context.client,
        "user_agent": event.context.user_agent,
    }


class Triggers:
    """All triggers, by event type.

    Args:
        triggers: The kinds of mail there are.

    Raises:
        ConfigError: Two of them answer to one event type.
    """

    def __init__(self, triggers: Iterable[Trigger]) -> None:
        self._by_type: dict[str, Trigger] = {}
        for trigger in triggers:
            other = self._by_type.setdefault(trigger.event_type, trigger)
            if other is not trigger:
                twins = f"{other.name} and {trigger.name}"
                raise ConfigError(f"the triggers {twins} both answer to {trigger.event_type}")

    def for_type(self, event_type: str) -> Trigger:
        """Return the trigger that answers to *event_type*.

        Raises:
            UnknownTrigger: None does.
        """
        trigger = self._by_type.get(event_type)
        if trigger is None:
            known = ", ".join(sorted(self._by_type))
            raise UnknownTrigger(f"no kind of mail answers to this event type; known: {known}")
        return trigger

    def for_switch(self, switch: str) -> Trigger:
        """Return the trigger that *switch* permits.

        Raises:
            UnknownTrigger: None is.
        """
        for trigger in self._by_type.values():
            if trigger.switch == switch:
                return trigger
        known = ", ".join(sorted(self.switches))
        raise UnknownTrigger(f"no kind of mail has this switch; known: {known}")

    @property
    def types(self) -> frozenset[str]:
        """Return the event types that there is a kind of mail for."""
        return frozenset(self._by_type)

    @property
    def switches(self) -> frozenset[str]:
        """Return the policy switches that mean something."""
        return frozenset(trigger.switch for trigger in self._by_type.values())


def discover() -> Triggers:
    """Return the triggers of all modules in this package, in name order."""
    names = sorted(module.name for module in iter_modules(__path__))
    return Triggers(import_module(f"{__name__}.{name}").TRIGGER for name in names)
