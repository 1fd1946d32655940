"""One client's conversation with a scripted relay."""

import asyncio
import ssl
from collections.abc import Callable
from typing import Protocol, cast

from tests.smtp_server.auth import question
from tests.smtp_server.content import Inlet
from tests.smtp_server.script import Act, At, Rule, Traits
from tests.smtp_server.voice import Voice

_VERBS = {at.value.upper().encode(): at for at in At if at not in {At.GREETING, At.FINAL}}


class Relay(Protocol):
    """What a session needs of its relay."""

    traits: Traits
    rules: tuple[Rule, ...]
    tls: ssl.SSLContext | None

    def opened(self, session: "Session") -> bool: ...

    def closed(self, session: "Session") -> None: ...

    def take(self, session: "Session", content: bytes) -> None: ...

    def heard(self, at: At) -> None: ...


class Session(asyncio.Protocol):
    """Answers commands; the relay's rules decide where it does not."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._inlet = Inlet()
        self._voice = Voice(relay.traits)
        self._mute = False
        self._paused = False
        self._in_data = False
        self._challenge: Callable[[bytes], None] | None = None
        self._upgrade: asyncio.Task[None] | None = None
        self.encrypted = False
        self.authenticated = not relay.traits.auth
        self.sender = ""
        self.parameters = ""
        self.recipients: list[str] = []
        self.in_transaction = False
        self.messages = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.encrypted:
            return  # the same session, upgraded
        self.encrypted = transport.get_extra_info("sslcontext") is not None
        if not self._relay.opened(self):
            self._voice.say("421 4.7.0 too many connections")
            self._flush(close=True)
            return
        self._answer(At.GREETING, "220 scripted relay")
        self._flush()

    def connection_lost(self, _exc: Exception | None) -> None:
        self._mute = True
        self._relay.closed(self)

    def data_received(self, data: bytes) -> None:
        self._inlet.feed(data)
        self._pump()

    def abort(self) -> None:
        self._mute = True
        if self._transport is not None:
            self._transport.abort()

    def _pump(self) -> None:
        while not (self._mute or self._paused):
            if not (self._content() if self._in_data else self._command()):
                break
        self._flush()

    def _command(self) -> bool:
        line = self._inlet.line()
        if line is None:
            return False
        if self._challenge is not None:
            challenge, self._challenge = self._challenge, None
            challenge(line)
            return True
        at = _VERBS.get(line.partition(b" ")[0].upper())
        if at is None:
            self._voice.say("250 2.0.0 well" if line.upper() == b"NOOP" else "500 5.5.2 what?")
            return True
        self._relay.heard(at)
        getattr(self, f"_{at.value}")(line)
        return True

    def _content(self) -> bool:
        content = self._inlet.content()
        if content is None:
            return False
        self._in_data = False
        self._final(content)
        return True

    def _ehlo(self, _line: bytes) -> None:
        *lines, last = ["scripted relay", *self._relay.traits.offers(encrypted=self.encrypted)]
        self._answer(At.EHLO, "\r\n".join([*(f"250-{line}" for line in lines), f"250 {last}"]))

    def _starttls(self, _line: bytes) -> None:
        if not self._answer(At.STARTTLS, "220 2.0.0 go ahead"):
            return
        self._flush()
        self._inlet.clear()  # RFC 3207 section 4.2: what was sent in the clear does not count
        self._paused = True
        self._upgrade = self._loop.create_task(self._start_tls())

    async def _start_tls(self) -> None:
        assert self._transport is not None
        assert self._relay.tls is not None
        self.encrypted = True
        try:
            transport = await self._loop.start_tls(
                self._transport, self, self._relay.tls, server_side=True
            )
        except (OSError, ssl.SSLError):
            self.abort()
            return
        self._transport = transport
        self._paused = False
        self._pump()

    def _auth(self, line: bytes) -> None:
        mechanism, _, initial = line.decode().partition(" ")[2].partition(" ")
        if mechanism.upper() not in self._relay.traits.auth:
            self._voice.say("504 5.5.4 not offered")
            return
        challenge, is_right = question(mechanism.upper(), initial, self._relay.traits.users)
        if challenge:
            self._voice.say(f"334 {challenge}")
            self._challenge = lambda answer: self._admit(known=is_right(answer.decode()))
        else:
            self._admit(known=is_right(""))

    def _admit(self, *, known: bool) -> None:
        if not known:
            self._voice.say("535 5.7.8 not you")
        elif self._answer(At.AUTH, "235 2.7.0 welcome"):
            self.authenticated = True

    def _mail(self, line: bytes) -> None:
        traits = self._relay.traits
        if traits.messages_per_connection and self.messages >= traits.messages_per_connection:
            self._voice.say("421 4.7.0 enough for one connection")
            self._flush(close=True)
        elif not self.authenticated:
            self._voice.say("530 5.7.0 authenticate first")
        elif self.in_transaction:
            self._voice.say("503 5.5.1 nested MAIL")
        elif self._answer(At.MAIL, "250 2.1.0 sender fine"):
            text = line.decode("utf-8", "replace")
            self.sender, _, self.parameters = text[10:].lstrip("<").partition(">")
            self.recipients, self.in_transaction = [], True

    def _rcpt(self, line: bytes) -> None:
        recipient = line[8:].strip(b"<> ").decode("utf-8", "replace")
        if not self.in_transaction:
            self._voice.say("503 5.5.1 MAIL first")
        elif self._answer(At.RCPT, "250 2.1.5 recipient fine", recipient):
            self.recipients.append(recipient)

    def _data(self, _line: bytes) -> None:
        lenient = any(r.at is At.DATA and r.reply.startswith("354") for r in self._relay.rules)
        if not self.recipients and not lenient:
            self._voice.say("503 5.5.1 RCPT first")
        elif self._answer(At.DATA, "354 go on", self._recipient):
            self._in_data = True

    def _final(self, content: bytes) -> None:
        recipient, relay = self._recipient, self._relay
        self.in_transaction = False
        if not self.recipients:
            self._voice.say("554 5.5.1 no valid recipients")
            return
        rule = self._rule(At.FINAL, recipient)
        if rule is not None and rule.act is Act.TAKE_AND_DROP:
            relay.take(self, content)
            self.abort()
        elif self._obey(rule, "250 2.0.0 taken"):
            self.messages += 1
            relay.take(self, content)
        self.recipients = []

    def _rset(self, _line: bytes) -> None:
        self._answer(At.RSET, "250 2.0.0 forgotten")
        self.recipients, self.in_transaction = [], False

    def _quit(self, _line: bytes) -> None:
        if self._answer(At.QUIT, "221 2.0.0 bye"):
            self._flush(close=True)

    @property
    def _recipient(self) -> str:
        return self.recipients[0] if self.recipients else ""

    def _answer(self, at: At, usual: str, recipient: str = "") -> bool:
        """Say the usual reply unless a rule says otherwise; whether what was asked is done."""
        return self._obey(self._rule(at, recipient or self._recipient), usual)

    def _rule(self, at: At, recipient: str) -> Rule | None:
        for rule in self._relay.rules:
            if rule.at is at and rule.applies(recipient):
                return rule
        return None

    def _obey(self, rule: Rule | None, usual: str) -> bool:
        if rule is None:
            self._voice.say(usual)
            return True
        match rule.act:
            case Act.REPLY:
                self._voice.say(rule.reply)
                if rule.reply.startswith("421"):
                    self._flush(close=True)
                return rule.reply[:1] in "23"
            case Act.HANG:
                self._flush()
                self._mute = True
                return False
            case Act.DROP | Act.TAKE_AND_DROP:
                self._flush(close=True)
                return False
            case Act.DELAY:
                self._flush()
                self._paused = True
                self._loop.call_later(rule.delay, self._resume, usual)
                return True

    def _resume(self, usual: str) -> None:
        self._voice.say(usual)
        self._paused = False
        self._pump()

    def _flush(self, *, close: bool = False) -> None:
        self._mute = self._mute or close
        if self._transport is not None:
            self._voice.flush(self._transport, close=close)
