"""The renderer: a draft becomes a message, in its reader's language."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

from dispatcher.adapters.mail.addresses import Address, parse_address
from dispatcher.adapters.mail.catalogues import find_catalogues
from dispatcher.adapters.mail.composer import Envelope
from dispatcher.adapters.mail.editions import Editions
from dispatcher.adapters.mail.letterheads import Keys, Letterheads
from dispatcher.adapters.mail.locales import ENGLISH, Languages
from dispatcher.adapters.mail.templates import Parts, Sources, default_folder
from dispatcher.adapters.mail.values import plain, plain_facts
from dispatcher.adapters.mail.verp import BounceAddress
from dispatcher.adapters.mail.wardrobe import Wardrobe
from dispatcher.errors import ConfigError, RenderError
from dispatcher.message import Draft, Message, fingerprint, mark_of, message_id
from dispatcher.ports import Clock

_PHONE: Final = re.compile(r"\+?[0-9][0-9 ()/.-]{3,30}[0-9]\Z")
_PAGE: Final = re.compile(r"https://[A-Za-z0-9.-]+(?::\d+)?(?:/[A-Za-z0-9._~/-]*)?\Z")


@dataclass(frozen=True, slots=True)
class Contact:
    """The route for "this was not me".

    Args:
        text: As it is printed; "" when there is none.
        link: What tapping it opens, ``mailto:`` or ``tel:``; "" for a page, which people
            are to open by themselves.
        reply_to: The address, where the route is one.
    """

    text: str = ""
    link: str = ""
    reply_to: Address | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return what an address, a phone number, an https page or nothing means.

        Raises:
            ConfigError: It is none of these, or a page with a query (it might carry a token).
        """
        text = text.strip()
        if not text or _PAGE.match(text):
            return cls(text)
        if _PHONE.match(text):
            return cls(text, "tel:" + re.sub(r"[^+0-9]", "", text))
        try:
            address = parse_address(text)
        except RenderError:
            raise ConfigError(
                "the contact must be an address, a phone number or an https page without a query"
            ) from None
        return cls(text, f"mailto:{address.spec}", address)


class MailRenderer:
    """Makes messages from drafts; :meth:`load` makes one from settings and folders.

    Args:
        editions: Every kind of mail in every language.
        wardrobe: The same in organizations' looks.
        languages: Picks a reader's language.
        letterheads: Gives messages their wire form, and the sender's name.
        secret: Keys the Message-IDs.
        bounces: Where mails over the instance's relays come back to; None for the sender.
    """

    def __init__(
        self,
        *,
        editions: Editions,
        wardrobe: Wardrobe,
        languages: Languages,
        letterheads: Letterheads,
        secret: bytes,
        bounces: BounceAddress | None = None,
    ) -> None:
        self._editions = editions
        self._wardrobe = wardrobe
        self._languages = languages
        self._letterheads = letterheads
        self._secret = secret
        self._bounces = bounces

    @classmethod
    def load(
        cls,
        *,
        sender: str,
        secret: bytes,
        clock: Clock,
        contact: str = "",
        instance_name: str = "",
        default_locale: str = ENGLISH,
        folders: Sequence[Path] = (),
        bounce_address: str = "",
        dkim_keys: str = "",
    ) -> Self:
        """Return a renderer with all templates and catalogues read, compiled and checked.

        Args:
            sender: ``Acme Security <no-reply@acme.example>``.
            secret: The installation's secret, at least 16 bytes.
            clock: Tells the time for Date.
            contact: The route for "this was not me": an address, a phone number or an https page.
            instance_name: What mails of this sender call it; by default its name, or domain.
            default_locale: The BCP 47 tag for readers whose language is unknown.
            folders: The operator's template folders, the one that counts most first, ours last.
            bounce_address: Where bounces go; by default to the sender.
            dkim_keys: The keys that sign, as ``DISPATCHER_DKIM_KEYS`` has them.

        Raises:
            ConfigError: Something in these cannot work; the text says what and where.
        """
        route = Contact.parse(contact)
        searched = [*folders, default_folder()]
        catalogues = find_catalogues(searched)
        constants = {"contact": route.text, "contact_link": route.link}
        letterheads = Letterheads(
            sender,
            reply_to=route.reply_to,
            name=instance_name,
            clock=clock,
            keys=_keys(dkim_keys),
        )
        return cls(
            editions=Editions(Sources(searched), catalogues, constants),
            wardrobe=Wardrobe(
                Editions(Sources(searched, slots=True), catalogues, constants), route.text
            ),
            languages=Languages(catalogues, default_locale),
            letterheads=letterheads,
            secret=secret,
            bounces=BounceAddress.parse(bounce_address) if bounce_address else None,
        )

    def render(self, draft: Draft) -> Message:
        """Return the draft as a message, ready for the wire.

        Raises:
            RenderError: A template failed, or what it made cannot be sent.
            SenderUnreadable: The organization's sender cannot be used as it is stored.
        """
        letterhead = self._letterheads.of(draft.sender)
        recipient = parse_address(draft.recipient.address)
        usual = draft.look.branding.language if draft.look else ""
        choice = self._languages.choose(draft.recipient.locale, usual)
        name = plain(draft.recipient.name)
        values = plain_facts(draft.facts, choice.spell)
        values["name"] = name
        values["instance"] = letterhead.name
        values["organization"] = plain(draft.org_id)
        values["account"] = values.get("login_name") or recipient.spec
        message = message_id(
            self._secret,
            org_id=draft.org_id,
            event_id=draft.event_id,
            template=draft.template,
            recipient=fingerprint(self._secret, draft.recipient.address),
            domain=letterhead.domain,
        )
        envelope = Envelope(message, recipient, name or "", choice.language)
        parts = self._parts(draft, choice.language, values, letterhead.domain)
        composed = letterhead.compose(parts, envelope)
        if self._bounces is None or (draft.sender and draft.sender.relays):
            return composed  # an organization's own relay would not take our bounce address
        return replace(composed, sender=self._bounces.returning(mark_of(message)))

    def _parts(
        self,
        draft: Draft,
        language: str,
        values: Mapping[str, str | bool | None],
        domain: str,
    ) -> Parts:
        if draft.look is not None:
            return self._wardrobe.render(draft.look, draft.template, language, values, domain)
        edition = self._editions.get(draft.template, language)
        if edition is None:
            raise RenderError(f"there is no template folder {draft.template}")
        return edition.render(values)


def _keys(setting: str) -> Keys | None:
    if not setting:
        return None
    from dispatcher.adapters.mail.dkim_keys import DkimKeys  # noqa: PLC0415 - 8 MB

    return DkimKeys.read(setting)
