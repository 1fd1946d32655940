"""One message on its way to a relay: its wire form, and the verdict its sender awaits."""

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from dispatcher.adapters.mail.smtp_replies import Reply, hinted_wait, printable
from dispatcher.delivery import Phase
from dispatcher.errors import RelayFault, Throttled, TransportError, UncertainDelivery
from dispatcher.judge import classify
from dispatcher.message import Message

_LAST_WORD: Final = 1.5
"""Seconds that an answer may still take once its sender was cancelled: a worker that stops
gives its tasks 2 s."""

_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f<>\ud800-\udfff]")
_BARE_LINE_END: Final = re.compile(rb"\r\n|\r|\n")

_FAILED: Final = {
    Phase.CONNECT: "could not connect",
    Phase.GREETING: "did not greet",
    Phase.EHLO: "did not accept EHLO",
    Phase.TLS: "could not be reached over TLS",
    Phase.AUTH: "did not accept the credentials",
    Phase.MAIL: "refused the sender",
    Phase.RCPT: "refused the recipient",
    Phase.DATA: "refused the message",
    Phase.FINAL: "refused the message's content",
}


@dataclass(frozen=True, slots=True)
class Offers:
    """What a relay's EHLO reply offers; ``size`` is the most bytes it takes, 0 if it won't say."""

    pipelining: bool = False
    eightbit: bool = False
    smtputf8: bool = False
    sizes: bool = False
    size: int = 0


class Unheard(UncertainDelivery):
    """We stopped listening after the final dot: the relay is not to blame for its silence."""


class Handover:
    """A message, the verdict on it, and how often it changed its connection.

    Args:
        message: What to hand over.
        verdict: Gets the relay's acceptance, or a :class:`TransportError`.
        since: The loop's time at which it was asked for.
    """

    __slots__ = (
        "_answer",
        "body",
        "eightbit",
        "handed_over",
        "message",
        "moves",
        "refused_at",
        "since",
        "smtputf8",
        "verdict",
    )

    def __init__(self, message: Message, verdict: "asyncio.Future[Reply]", since: float) -> None:
        self.message = message
        self.verdict = verdict
        self.since = since
        self.moves = 0
        self.handed_over = False  # its content was sent: from now on the relay may have it
        self._answer: Reply | TransportError | None = None
        self.refused_at: Phase | None = None
        self.smtputf8 = message.smtputf8 or not (
            message.sender.isascii() and message.recipient.isascii()
        )
        self.eightbit = self.smtputf8 or not message.content.isascii()
        self.body = on_the_wire(message.content)

    @property
    def settled(self) -> bool:
        """Return whether there is a verdict, or nobody who waits for one."""
        return self.verdict.done()

    def envelope(self, offers: Offers) -> tuple[bytes, bytes]:
        """Return the MAIL and RCPT commands, with the parameters the relay offers."""
        parameters = ""
        if offers.sizes:
            parameters += f" SIZE={len(self.message.content)}"
        if self.eightbit and offers.eightbit:
            parameters += " BODY=8BITMIME"
        if self.smtputf8:
            parameters += " SMTPUTF8"
        return (
            f"MAIL FROM:<{self.message.sender}>{parameters}\r\n".encode(),
            f"RCPT TO:<{self.message.recipient}>\r\n".encode(),
        )

    def fits(self, relay: str, offers: Offers) -> bool:
        """Return whether the relay can take it; if not, that is the verdict."""
        if _UNSAFE.search(self.message.sender) or _UNSAFE.search(self.message.recipient):
            self._refuse(Phase.RCPT, relay, b"553 5.1.3 not an address that SMTP can carry")
        elif self.smtputf8 and not offers.smtputf8:
            self._refuse(
                Phase.RCPT, relay, b"553 5.6.7 the relay does not take internationalised addresses"
            )
        elif self.eightbit and not offers.eightbit:
            self._refuse(Phase.DATA, relay, b"554 5.6.3 the relay takes 7-bit content only")
        elif 0 < offers.size < len(self.message.content):
            self._refuse(Phase.MAIL, relay, b"552 5.3.4 larger than the relay takes")
        return not self.settled

    def accept(self, reply: Reply) -> None:
        """Settle it: the relay has the message."""
        self._answer = reply
        if not self.verdict.done():
            self.verdict.set_result(reply)

    def refuse(self, phase: Phase, relay: str, reply: Reply | None, why: str = "") -> None:
        """Settle it: the relay does not have the message, or did not say.

        Args:
            phase: What was answered, or was not.
            relay: The relay's name.
            reply: The answer, or None.
            why: What happened when there was none.
        """
        self.refused_at = phase
        if self.handed_over or not self.verdict.done():
            message = self.message
            error = trouble(phase, relay, reply, why, message.recipient, message.sender)
            self._answer = error
            if not self.verdict.done():
                self.verdict.set_exception(error)

    async def last_word(self, relay: str) -> Reply:
        """Return the answer to a message that was handed over before its sender was cancelled.

        Raises:
            TransportError: The relay refused it, or did not say within 1.5 s.
        """
        if isinstance(self._answer, TransportError):
            raise self._answer
        if self._answer is not None:
            return self._answer
        self.verdict = asyncio.get_running_loop().create_future()
        with suppress(asyncio.CancelledError):  # cancelled again: no more waiting, and no lie
            await asyncio.wait([self.verdict], timeout=_LAST_WORD)
        if self.verdict.cancel():
            raise Unheard("stopped before the relay answered", phase=Phase.FINAL, relay=relay)
        return self.verdict.result()

    def _refuse(self, phase: Phase, relay: str, text: bytes) -> None:
        self.refuse(phase, relay, Reply(int(text[:3]), text[4:]))


def trouble(
    phase: Phase, relay: str, reply: Reply | None, why: str = "", *addresses: str
) -> TransportError:
    """Return the error that a reply in *phase*, or its absence, amounts to.

    Args:
        phase: What was answered, or was not.
        relay: The relay's name.
        reply: The answer, or None.
        why: What happened when there was none.
        addresses: What the error's text must not show.
    """
    if reply is None:
        kind, said = classify(phase, None), why or "no reply"
        return kind(f"{said} (at {phase.value})", phase=phase.value, relay=relay)
    said = printable(reply.text, *addresses)
    kind = classify(phase, reply.code, reply.enhanced, said)
    reason = f"the relay {_FAILED[phase]}: {reply.code} {said}".rstrip()
    if kind is Throttled:
        wait = hinted_wait(reply.text)
        code, enhanced = reply.code, reply.enhanced
        return Throttled(reason, phase=phase, relay=relay, code=code, enhanced=enhanced, wait=wait)
    return kind(reason, phase=phase.value, relay=relay, code=reply.code, enhanced=reply.enhanced)


def again(fault: RelayFault, kind: type[RelayFault] = RelayFault) -> RelayFault:
    """Return a fault of its own for another message that suffers of the same one."""
    return kind(
        fault.reason,
        phase=fault.phase,
        relay=fault.relay,
        code=fault.code,
        enhanced=fault.enhanced,
    )


def on_the_wire(content: bytes) -> bytes:
    """Return the content as DATA carries it: CRLF only, dots stuffed, the final dot at its end.

    A bare CR or LF would let a content end early where the next relay takes it for
    a line end (RFC 5321 section 2.3.8), so it becomes CRLF.
    """
    if not content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n"):
        content = _BARE_LINE_END.sub(b"\r\n", content)
    if not content.endswith(b"\r\n"):
        content += b"\r\n"
    stuffed = content.replace(b"\r\n.", b"\r\n..") + b".\r\n"  # RFC 5321 section 4.5.2
    return b"." + stuffed if content.startswith(b".") else stuffed
