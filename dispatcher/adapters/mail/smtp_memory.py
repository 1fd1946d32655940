"""A transport that keeps messages in memory: for tests, and to try things without a relay."""

from collections import deque
from collections.abc import Iterable

from dispatcher.delivery import Receipt
from dispatcher.errors import TransportError
from dispatcher.message import Message
from dispatcher.sender import Sender


class MemoryTransport:
    """Takes every message, unless an error was scripted for it.

    Args:
        script: What becomes of the next messages, one after the other: an error to
            raise, or None to accept; what comes after the script is accepted.
    """

    def __init__(self, script: Iterable[TransportError | None] = ()) -> None:
        self.messages: list[Message] = []
        self.senders: list[Sender | None] = []
        self._script = deque(script)

    async def deliver(self, message: Message, sender: Sender | None = None) -> Receipt:
        """Keep the message and return a receipt.

        Raises:
            TransportError: The script says so; the message is not kept.
        """
        error = self._script.popleft() if self._script else None
        if error is not None:
            raise error
        self.messages.append(message)
        self.senders.append(sender)
        return Receipt(relay="memory", code=250, duration=0.0)
