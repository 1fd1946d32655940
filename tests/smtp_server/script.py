"""What a scripted relay is to do, and when."""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic


class At(StrEnum):
    """Where in a conversation a rule applies."""

    GREETING = "greeting"
    EHLO = "ehlo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    FINAL = "final"
    RSET = "rset"
    QUIT = "quit"


class Act(StrEnum):
    """What a rule does."""

    REPLY = "reply"
    """Say the rule's reply instead of the usual one. A 421 closes the connection."""
    HANG = "hang"
    """Never answer again on this connection."""
    DROP = "drop"
    """Close without an answer; at the final dot the message is not taken."""
    TAKE_AND_DROP = "take and drop"
    """At the final dot: take the message, then close without an answer."""
    DELAY = "delay"
    """Answer as usual, but only after the rule's delay."""


@dataclass(slots=True)
class Rule:
    """One misbehaviour.

    Args:
        at: Where it applies.
        reply: What to say, lines without CRLF, or anything at all when not a reply.
        act: What to do instead of answering.
        every: Applies to every Nth occasion only.
        times: Applies that often, then no more; 0 is for ever.
        after: Lets that many occasions pass first.
        seconds: Applies only for that long from the first occasion; 0 is for ever.
        recipient: Applies only when the message's recipient matches (a regular expression).
        delay: Seconds, for ``Act.DELAY``.
    """

    at: At
    reply: str = ""
    act: Act = Act.REPLY
    every: int = 1
    times: int = 0
    after: int = 0
    seconds: float = 0.0
    recipient: str = ""
    delay: float = 0.0
    occasions: int = field(default=0, init=False)
    applied: int = field(default=0, init=False)
    _first: float = field(default=0.0, init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def applies(self, recipient: str) -> bool:
        """Return whether it applies to this occasion, and count it."""
        if self.recipient and not re.search(self.recipient, recipient):
            return False
        with self._lock:
            self.occasions += 1
            self._first = self._first or monotonic()
            wanted = (
                self.occasions > self.after
                and (self.occasions - self.after) % self.every == 0
                and (not self.times or self.applied < self.times)
                and (not self.seconds or monotonic() - self._first < self.seconds)
            )
            self.applied += wanted
        return wanted


@dataclass(frozen=True, slots=True)
class Traits:
    """What a relay is like, apart from its misbehaviour.

    Args:
        pipelining: Offers PIPELINING.
        eightbit: Offers 8BITMIME.
        smtputf8: Offers SMTPUTF8.
        size: Offers SIZE with this limit; 0 does not offer it.
        starttls: Offers STARTTLS; needs a certificate.
        implicit_tls: Speaks TLS from the first byte; needs a certificate.
        client_certificate: Demands one that its own certificate signed.
        auth: Mechanisms to offer, such as ``("PLAIN", "XOAUTH2")``; then AUTH is required.
        users: Names and passwords (or tokens).
        messages_per_connection: Closes with 421 at the MAIL after so many; 0 never does.
        connections: Greets further ones with 421; 0 takes all.
        drip: Seconds between single bytes of every reply; 0.0 sends at once.
        packet: Sends replies in packets of that many bytes; 0 sends at once.
        multiline: Answers every command in several lines.
        keep: Keeps what it received; False only counts, for benchmarks.
    """

    pipelining: bool = True
    eightbit: bool = True
    smtputf8: bool = True
    size: int = 0
    starttls: bool = False
    implicit_tls: bool = False
    client_certificate: bool = False
    auth: tuple[str, ...] = ()
    users: Mapping[str, str] = field(default_factory=dict)
    messages_per_connection: int = 0
    connections: int = 0
    drip: float = 0.0
    packet: int = 0
    multiline: bool = False
    keep: bool = True

    def offers(self, *, encrypted: bool) -> list[str]:
        """Return what EHLO offers."""
        return [
            *["PIPELINING"] * self.pipelining,
            *["8BITMIME"] * self.eightbit,
            *["SMTPUTF8"] * self.smtputf8,
            *[f"SIZE {self.size}"] * bool(self.size),
            *["STARTTLS"] * (self.starttls and not encrypted),
            *[f"AUTH {' '.join(self.auth)}"] * bool(self.auth),
        ]
