"""Letterheads: how the mails of one sender begin, written once and kept for the next."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol

from dispatcher.adapters.mail.addresses import Address, parse_address, parse_mailbox
from dispatcher.adapters.mail.composer import Composer, Envelope
from dispatcher.adapters.mail.templates import Parts
from dispatcher.errors import ConfigError, RenderError, SenderUnreadable
from dispatcher.message import Message
from dispatcher.ports import Clock
from dispatcher.sender import Sender

_MOST: Final = 1024
"""Senders whose letterheads are kept; each takes less than a kilobyte."""


class Signing(Protocol):
    """Signs the mails of one sender; DKIM's cryptography is read only where there are keys."""

    def sign(self, message: Message) -> Message:
        """Return the message, signed."""
        ...


class Keys(Protocol):
    """The keys that sign."""

    def signers(self, domain: str, org_id: str, clock: Clock) -> Signing:
        """Return what signs mails from a domain, of an organization's sender or of ours ("")."""
        ...


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What a sender's mails have in common.

    Args:
        composer: Writes them.
        domain: The right-hand side of their Message-IDs, ASCII.
        name: What they call the sender.
        signing: Signs them, where there are keys.
    """

    composer: Composer
    domain: str
    name: str
    signing: Signing | None

    def compose(self, parts: Parts, envelope: Envelope) -> Message:
        """Return the message of these parts, signed where there are keys.

        Raises:
            RenderError: A header value has a control character.
        """
        message = self.composer.compose(parts, envelope)
        return self.signing.sign(message) if self.signing else message


class Letterheads:
    """The letterhead of the instance, and those of organizations with a sender of their own.

    Args:
        mail_from: The instance's sender, ``Acme Security <no-reply@acme.example>``.
        reply_to: Where answers go unless the organization says otherwise; None for the sender.
        name: What mails of the instance's sender call it; by default its name, or domain.
        clock: Tells the time for Date.
        keys: Sign what comes from their domains.

    Raises:
        ConfigError: The sender is no mailbox.
    """

    def __init__(
        self,
        mail_from: str,
        *,
        reply_to: Address | None,
        name: str,
        clock: Clock,
        keys: Keys | None = None,
    ) -> None:
        self._keys = keys
        self._mail_from = mail_from
        self._reply_to = reply_to
        self._clock = clock
        self._name = name
        self._usual = self._made(mail_from, reply_to)
        self._of = lru_cache(maxsize=_MOST)(self._of_sender)

    def of(self, sender: Sender | None) -> Letterhead:
        """Return the sender's letterhead; an empty field of it is the instance's.

        Raises:
            SenderUnreadable: What is stored is no mailbox.
        """
        if sender is None:
            return self._usual
        return self._of(sender.org_id, sender.mail_from, sender.reply_to)

    def _of_sender(self, org_id: str, mail_from: str, reply_to: str) -> Letterhead:
        if not (mail_from or reply_to):
            return self._usual
        try:
            answers = parse_address(reply_to) if reply_to else self._reply_to
            return self._made(mail_from or self._mail_from, answers, org_id if mail_from else "")
        except (ConfigError, RenderError) as error:
            raise SenderUnreadable("its addresses cannot be used: set them again") from error

    def _made(self, mail_from: str, reply_to: Address | None, org_id: str = "") -> Letterhead:
        mailbox = parse_mailbox(mail_from)
        name = self._name if mail_from == self._mail_from else ""
        return Letterhead(
            Composer(mailbox, reply_to=reply_to, clock=self._clock),
            mailbox.address.domain,
            name or mailbox.name or mailbox.address.domain,
            self._signing(mailbox.address.domain, org_id),
        )

    def _signing(self, domain: str, org_id: str) -> Signing | None:
        return self._keys.signers(domain, org_id, self._clock) if self._keys else None
