"""Letterheads: how the mails of one sender begin, written once and kept for the next."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from dispatcher.adapters.mail.addresses import Address, parse_address, parse_mailbox
from dispatcher.adapters.mail.composer import Composer
from dispatcher.errors import ConfigError, RenderError, SenderUnreadable
from dispatcher.ports import Clock
from dispatcher.sender import Sender

_MOST: Final = 1024
"""Senders whose letterheads are kept; each takes less than a kilobyte."""


@dataclass(frozen=True, slots=True)
class Letterhead:
    """What a sender's mails have in common.

    Args:
        composer: Writes them.
        domain: The right-hand side of their Message-IDs, ASCII.
        name: What they call the sender.
    """

    composer: Composer
    domain: str
    name: str


class Letterheads:
    """The letterhead of the instance, and those of organizations with a sender of their own.

    Args:
        mail_from: The instance's sender, ``Acme Security <no-reply@acme.example>``.
        reply_to: Where answers go unless the organization says otherwise; None for the sender.
        name: What mails of the instance's sender call it; by default its name, or domain.
        clock: Tells the time for Date.

    Raises:
        ConfigError: The sender is no mailbox.
    """

    def __init__(
        self, mail_from: str, *, reply_to: Address | None, name: str, clock: Clock
    ) -> None:
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
        return self._of(sender.mail_from, sender.reply_to)

    def _of_sender(self, mail_from: str, reply_to: str) -> Letterhead:
        if not (mail_from or reply_to):
            return self._usual
        try:
            answers = parse_address(reply_to) if reply_to else self._reply_to
            return self._made(mail_from or self._mail_from, answers)
        except (ConfigError, RenderError) as error:
            raise SenderUnreadable("its addresses cannot be used: set them again") from error

    def _made(self, mail_from: str, reply_to: Address | None) -> Letterhead:
        mailbox = parse_mailbox(mail_from)
        name = self._name if mail_from == self._mail_from else ""
        return Letterhead(
            Composer(mailbox, reply_to=reply_to, clock=self._clock),
            mailbox.address.domain,
            name or mailbox.name or mailbox.address.domain,
        )
