"""What is said on one SMTP session: commands out, replies in, a verdict per message. No I/O.

With PIPELINING (RFC 2920) an envelope is one write, and the next message's envelope
rides behind the final dot of the one before, so that a busy session spends one
round trip per message::

    ▶ MAIL RCPT DATA                  ◀ 250 250 354
    ▶ body . MAIL RCPT DATA           ◀ 250 250 250 354
    ▶ body . …

Without it, every command waits for the reply to the one before.
"""

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from dispatcher.adapters.mail.smtp_handover import Handover, Offers
from dispatcher.adapters.mail.smtp_replies import Reply
from dispatcher.delivery import Phase

_CLOSING: Final = 421  # RFC 5321 section 3.8: may answer any command, or none
_DONE: Final = 2
_GO_ON: Final = 3
_REFUSED: Final = frozenset({4, 5})


class Doubt(Exception):
    """The two sides no longer agree on what is being said: the session must end."""


class ClosingDown(Exception):
    """The relay closes the session (421)."""

    def __init__(self, reply: Reply) -> None:
        super().__init__("the relay closed the session")
        self.reply = reply


class _Turn(Enum):
    """What a reply is awaited to."""

    RSET = "rset"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    FINAL = "final"
    LONE_DOT = "lone dot"


_PHASES: Final = {
    _Turn.RSET: Phase.MAIL,
    _Turn.MAIL: Phase.MAIL,
    _Turn.RCPT: Phase.RCPT,
    _Turn.DATA: Phase.DATA,
    _Turn.FINAL: Phase.FINAL,
    _Turn.LONE_DOT: Phase.DATA,
}


@dataclass(frozen=True, slots=True)
class Orphan:
    """A message whose session ended before its content was sent: safe to send elsewhere.

    Args:
        handover: The message.
        phase: The phase in which it was interrupted.
        reply: What the relay said to that, if anything.
        behind: Whether that was while another message's reply was awaited.
        why: What ended the session.
    """

    handover: Handover
    phase: Phase
    reply: Reply | None
    behind: bool
    why: str


class Conversation:
    """One session's side of the protocol.

    The caller writes what :meth:`begin` and :meth:`answer` return, in that order,
    and calls :meth:`lose` once when the session ends.

    Args:
        relay: The relay's name, for errors.
        offers: What its EHLO reply offers.
    """

    __slots__ = ("_awaited", "_deserted", "_entering", "_offers", "_relay", "_soiled", "_unsent")

    def __init__(self, relay: str, offers: Offers) -> None:
        self._relay = relay
        self._offers = offers
        self._awaited: deque[tuple[_Turn, Handover]] = deque()
        self._unsent: deque[tuple[_Turn, bytes]] = deque()
        self._entering: Handover | None = None  # its envelope is out, its content is not
        self._soiled = False  # an envelope was left half said: RSET comes first
        self._deserted = False  # the entering message left: the session ends with the final reply

    @property
    def idle(self) -> bool:
        """Return whether nothing is awaited."""
        return not self._awaited

    @property
    def has_room(self) -> bool:
        """Return whether another envelope may be sent now."""
        if self._entering is not None or self._deserted:
            return False
        return self._offers.pipelining or not self._awaited

    @property
    def phase(self) -> Phase:
        """Return the phase whose reply is awaited; MAIL when none is."""
        return _PHASES[self._awaited[0][0]] if self._awaited else Phase.MAIL

    @property
    def followed(self) -> bool:
        """Return whether an envelope waits behind another message's final dot."""
        return self._entering is not None and self.phase is Phase.FINAL

    def begin(self, handover: Handover) -> bytes:
        """Return what opens the message's transaction; b"" when the relay cannot take it at all."""
        if not handover.fits(self._relay, self._offers):
            return b""
        mail, rcpt = handover.envelope(self._offers)
        if self._soiled:
            self._soiled = False
            self._unsent.append((_Turn.RSET, b"RSET\r\n"))
        self._unsent += ((_Turn.MAIL, mail), (_Turn.RCPT, rcpt), (_Turn.DATA, b"DATA\r\n"))
        self._entering = handover
        return self._utter(handover)

    def answer(self, reply: Reply) -> bytes:
        """Take the relay's next reply; return what is to be said to it.

        Raises:
            ClosingDown: It is a 421; the session must end.
            Doubt: It cannot be a reply to what was said; the session must end.
        """
        if reply.code == _CLOSING:
            raise ClosingDown(reply)
        if not self._awaited:
            raise Doubt("the relay spoke out of turn")
        turn, handover = self._awaited[0]
        _check(turn, reply)
        self._awaited.popleft()
        match turn:
            case _Turn.FINAL:
                return self._conclude(handover, reply)
            case _Turn.DATA if reply.severity == _GO_ON:
                return self._hand_over(handover)
            case _Turn.MAIL | _Turn.RCPT | _Turn.DATA if reply.severity != _DONE:
                return self._turned_away(turn, handover, reply)
        return self._utter(handover) if self._unsent else b""

    def rescue(self) -> Handover | None:
        """Take back the message that waits behind another's final dot; the session ends after it.

        Its content was not sent. The session cannot go on, since a DATA that was
        accepted can only be left by closing.
        """
        if not self.followed:
            return None
        rescued, self._entering = self._entering, None
        self._deserted = True
        final = self._awaited[0]
        self._awaited.clear()
        self._awaited.append(final)
        return rescued

    def lose(self, reply: Reply | None, why: str) -> Orphan | None:
        """End: settle what was handed over, return the message that was not, if there is one.

        Args:
            reply: The 421 that ended it, or None.
            why: What ended it.
        """
        phase, behind = self.phase, False
        if phase is Phase.FINAL:
            self._awaited[0][1].refuse(Phase.FINAL, self._relay, reply, why)
            phase, reply, behind = Phase.MAIL, None, True
        self._awaited.clear()
        self._unsent.clear()
        orphan, self._entering = self._entering, None
        if orphan is None or orphan.settled:
            return None
        return Orphan(orphan, phase, reply, behind, why)

    def _utter(self, handover: Handover) -> bytes:
        count = len(self._unsent) if self._offers.pipelining else 1
        said = [self._unsent.popleft() for _ in range(count)]
        self._awaited.extend([(turn, handover) for turn, _ in said])
        return b"".join([line for _, line in said])

    def _conclude(self, handover: Handover, reply: Reply) -> bytes:
        if reply.severity == _DONE:
            handover.accept(reply)
        else:
            handover.refuse(Phase.FINAL, self._relay, reply)
        if self._deserted:
            raise Doubt("a message left the session")
        return b""

    def _hand_over(self, handover: Handover) -> bytes:
        self._entering = None
        if handover.refused_at is Phase.RCPT:
            # RFC 2920 section 3.1: DATA was accepted without a recipient; a lone dot leaves it
            self._awaited.append((_Turn.LONE_DOT, handover))
            return b".\r\n"
        if handover.settled:
            raise Doubt("the message was withdrawn")
        handover.handed_over = True
        self._awaited.append((_Turn.FINAL, handover))
        return handover.body

    def _turned_away(self, turn: _Turn, handover: Handover, reply: Reply) -> bytes:
        self._soiled = True
        if handover.refused_at is None:
            handover.refuse(_PHASES[turn], self._relay, reply)
        if turn is _Turn.DATA or self._unsent:
            self._unsent.clear()
            self._entering = None
        return b""


def _check(turn: _Turn, reply: Reply) -> None:
    match turn:
        case _Turn.RSET:
            fits = reply.severity == _DONE
        case _Turn.DATA:
            fits = reply.severity in {_GO_ON, *_REFUSED}
        case _Turn.LONE_DOT:
            fits = reply.severity in _REFUSED  # accepted for nobody: it was for somebody, then
        case _:
            fits = reply.severity == _DONE or reply.severity in _REFUSED
    if not fits:
        raise Doubt(f"the relay answered {reply.code}")
