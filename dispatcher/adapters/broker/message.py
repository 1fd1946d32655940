"""A taken message as kombu and Celery expect it, opened exactly once."""

from json import dumps
from typing import Any

from kombu.transport.virtual import Message as VirtualMessage

from dispatcher.adapters.broker.envelope import Envelope
from dispatcher.adapters.broker.lanes import lane_of


class Message(VirtualMessage):  # type: ignore[misc]  # kombu ships no types
    """A message in the form of protocol 2, whatever protocol its producer spoke.

    kombu's constructor would decode the body again; everything here is opened and checked already.
    """

    def __init__(self, envelope: Envelope, channel: Any, tag: str, queue: str) -> None:  # noqa: ANN401 -- kombu ships no types
        outer = envelope.outer
        properties = outer["properties"]
        self._state = "RECEIVED"
        self._decoded_cache = envelope.call
        self.channel = channel
        self.accept = None
        self.envelope = envelope
        self.queue = queue
        self.lane = lane_of(envelope.call)
        self.delivery_tag = tag
        self.headers = envelope.task_headers
        self.properties = {
            name: properties.get(name) for name in ("correlation_id", "reply_to", "priority")
        }
        self.delivery_info = {"exchange": "", "routing_key": queue}
        self.content_type = "application/json"
        self.content_encoding = "utf-8"
        self.body = envelope.body if "task" in outer["headers"] else dumps(envelope.call).encode()

    def ack(self, multiple: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 -- kombu's signature
        """Acknowledge; the broker is told with others, so this neither waits nor fails.

        Raises:
            kombu.exceptions.MessageStateError: It is settled already.
        """
        if self._state != "RECEIVED":
            raise self.MessageStateError(f"Message already settled: {self._state}.")
        self.channel.qos.ack(self.delivery_tag)
        self._state = "ACK"

    def ack_log_error(self, logger: Any, errors: Any, multiple: bool = False) -> None:  # noqa: ANN401, ARG002, FBT001, FBT002 -- kombu's signature
        """Acknowledge; there are no errors to log."""
        self.ack()

    def quarantine(self, reason: str) -> None:
        """Put the message aside for a person instead of acknowledging it.

        Args:
            reason: One word of `[a-z_]`.
        """
        self.channel.qos.quarantine(self.delivery_tag, reason)
        self._state = "REJECTED"
