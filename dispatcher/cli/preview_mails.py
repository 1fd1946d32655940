"""Mails as this installation would make them, to be looked at: its templates, never its secret."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from dispatcher.adapters.mail.addresses import parse_mailbox
from dispatcher.adapters.mail.renderer import Contact, MailRenderer
from dispatcher.adapters.mail.templates import default_folder
from dispatcher.cli.parts import SENDER
from dispatcher.correspondence import Terms
from dispatcher.events import Event, Recipient
from dispatcher.message import Draft
from dispatcher.ports import Clock
from dispatcher.settings import Settings
from dispatcher.triggers import Trigger

DEMO_CONTACT: Final = "security@dispatcher.example"
"""The route for "this was not me" where nobody set one."""

_SECRET: Final = b"anyone may know what keys a preview"


@dataclass(frozen=True, slots=True)
class Look:
    """What decides how the mails here look.

    Args:
        sender: Whom they are from.
        contact: The route for "this was not me".
        default_locale: The language for readers whose own is unknown.
        own: The operator's template folders, the one that counts most first.
        examples: The settings that are not set, and have an example's value here.
    """

    sender: str
    contact: str
    default_locale: str
    own: tuple[Path, ...] = ()
    examples: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what the settings say, with examples where they say nothing.

        Raises:
            ConfigError: The sender or the contact cannot be used.
        """
        sender, contact = settings.mail_from or SENDER, settings.contact or DEMO_CONTACT
        parse_mailbox(sender)
        Contact.parse(contact)
        said = {
            "DISPATCHER_MAIL_FROM": settings.mail_from,
            "DISPATCHER_CONTACT": settings.contact,
        }
        own = (settings.templates_dir,) if settings.templates_dir else ()
        return cls(
            sender,
            contact,
            settings.default_locale,
            own=own,
            examples=tuple(name for name, value in said.items() if not value),
        )

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return all template folders, the one that counts most first."""
        return (*self.own, default_folder())

    def renderer(self, clock: Clock) -> MailRenderer:
        """Return a renderer of the templates as they are now.

        Raises:
            ConfigError: A template or a catalogue cannot be used; the text names the place.
        """
        return MailRenderer.load(
            sender=self.sender,
            secret=_SECRET,
            clock=clock,
            contact=self.contact,
            default_locale=self.default_locale,
            folders=self.own,
        )


def draft(trigger: Trigger, event: Event, recipient: Recipient, terms: Terms) -> Draft:
    """Return the draft that the walk would make of an event, on its organization's terms."""
    about = trigger.name, event.org_id, event.id
    return Draft(*about, recipient, trigger.facts(event), terms.sender, terms.look)
