"""Sending a shown mail for real, to look at it in a real mail program."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import uuid4

from dispatcher.adapters.mail.relay_address import RelayAddress
from dispatcher.adapters.mail.relays import Relays
from dispatcher.adapters.mail.renderer import MailRenderer
from dispatcher.adapters.mail.smtp_limits import PoolLimits, Timeouts
from dispatcher.cli.preview_gallery import Exhibit, Gallery
from dispatcher.delivery import Receipt
from dispatcher.message import Message

_TIMEOUTS: Final = Timeouts(connect=5.0, greeting=10.0, command=10.0, final=60.0)


class Post:
    """Sends mails of the gallery over the configured relays.

    Args:
        gallery: Makes them.
        relays: In order of preference, at least one.
    """

    def __init__(self, gallery: Gallery, relays: Sequence[RelayAddress]) -> None:
        self._gallery = gallery
        self._relays = relays

    def send(self, exhibit: Exhibit, renderer: MailRenderer, to: str) -> Receipt:
        """Return the relay's acceptance of a mail.

        Raises:
            RenderError: A template failed, or *to* is not exactly one address.
            TransportError: No relay took it.
        """
        # A new Message-ID each time: mailboxes drop a mail that they have already.
        message = self._gallery.message(exhibit, renderer, to=to, event_id=f"preview-{uuid4()}")
        return asyncio.run(self._deliver(message))

    async def _deliver(self, message: Message) -> Receipt:
        relays = Relays(self._relays, limits=PoolLimits(connections=1), timeouts=_TIMEOUTS)
        try:
            return await relays.deliver(message)
        finally:
            await relays.close(grace=1.0)
