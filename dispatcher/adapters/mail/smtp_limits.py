"""How long and how much: the patience and the appetite of SMTP submission."""

from dataclasses import dataclass

from dispatcher.delivery import Phase


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds to wait for each reply before the connection is given up.

    RFC 5321 section 4.5.3.2 sets the minimum for MAIL, RCPT, DATA and the final
    dot; giving up earlier on the final dot is how duplicates are made. Opening a
    session loses nothing by giving up early, so it does.

    Args:
        connect: For the TCP connection.
        greeting: For the relay's 220, and for TLS where it comes first.
        command: For EHLO, STARTTLS and each step of AUTH.
        mail: For the reply to MAIL and to RSET.
        rcpt: For the reply to RCPT.
        data: For the 354 to DATA.
        final: For the reply to the final dot.
        slot: Until a connection is free to take the message.
        follow: How long an envelope may wait behind another message's final dot
            before its message goes to another connection.
        revive: For the first reply on a connection that had been idle: it may be dead.
        farewell: For the reply to QUIT.
    """

    connect: float = 10.0
    greeting: float = 30.0
    command: float = 30.0
    mail: float = 300.0
    rcpt: float = 300.0
    data: float = 120.0
    final: float = 600.0
    slot: float = 60.0
    follow: float = 5.0
    revive: float = 10.0
    farewell: float = 2.0

    @property
    def shortest(self) -> float:
        """Return the shortest wait of a conversation: how often to look at the clock."""
        return min(self.mail, self.rcpt, self.data, self.final, self.follow, self.revive)

    def of(self, phase: Phase) -> float:
        """Return the patience with the reply to a phase of the conversation."""
        match phase:
            case Phase.MAIL:
                return self.mail
            case Phase.RCPT:
                return self.rcpt
            case Phase.DATA:
                return self.data
            case Phase.FINAL:
                return self.final
            case _:
                return self.command


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What a pool may use of its relay.

    Args:
        connections: Most connections at a time.
        idle: Seconds after which an unused connection is closed.
        age: Seconds after which a connection takes no further message.
        messages: Messages after which a connection takes no further one; 0 is no limit.
        moves: How often a message that was not handed over may change its connection
            within one attempt.
    """

    connections: int = 16
    idle: float = 20.0
    age: float = 300.0
    messages: int = 0
    moves: int = 3
