"""The relays: a session with each, as a worker opens it, and a test mail where one is wanted."""

import ssl
from collections.abc import Iterator, Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Final
from uuid import uuid4

from dispatcher.adapters.mail.addresses import parse_address, parse_mailbox
from dispatcher.adapters.mail.relay_address import RelayAddress
from dispatcher.adapters.mail.relays import Relays
from dispatcher.adapters.mail.smtp_limits import PoolLimits, Timeouts
from dispatcher.adapters.mail.smtp_session import Session, SessionOpener
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.delivery import Phase
from dispatcher.errors import TransportError
from dispatcher.message import Message

_TIMEOUTS: Final = Timeouts(connect=5.0, greeting=10.0, command=10.0, final=60.0)

_MEND: Final = {
    Phase.CONNECT: "is the relay up, its port open, its name right in DISPATCHER_SMTP_URL?",
    Phase.GREETING: "the relay does not want to talk: its log says why",
    Phase.EHLO: "the relay minds our name: give it a better one with ?ehlo= in DISPATCHER_SMTP_URL",
    Phase.TLS: "smtps:// is for port 465, smtp:// (STARTTLS) for 587; ?ca= names an own authority",
    Phase.AUTH: "check user, password and ?auth= in DISPATCHER_SMTP_URL",
    Phase.MAIL: "the relay minds DISPATCHER_MAIL_FROM: use a sender that this account may use",
    Phase.RCPT: "the relay minds the address: may this account send to it?",
}


async def check_relay(address: RelayAddress) -> list[Finding]:
    """Return how a session with the relay goes: connected, encrypted, authenticated."""
    subject = f"relay {address.name}"
    try:
        session = await SessionOpener(address, _TIMEOUTS).open()
    except TransportError as error:
        return [Finding(Health.FAIL, subject, error.reason, _MEND.get(Phase(error.phase), ""))]
    try:
        return [Finding(Health.OK, subject, _opened(address, session)), *_limits(subject, session)]
    finally:
        session.transport.abort()


async def send_test(
    relays: Sequence[RelayAddress], *, sender: str, recipient: str, now: datetime
) -> Finding:
    """Send a test mail over the first relay that takes it; return how that went.

    Raises:
        RenderError: The recipient is not exactly one address.
    """
    mail = _test_mail(sender, recipient, now)
    transport = Relays(relays, limits=PoolLimits(connections=1), timeouts=_TIMEOUTS)
    try:
        receipt = await transport.deliver(mail)
    except TransportError as error:
        mend = _MEND.get(Phase(error.phase), "") if error.phase else ""
        return Finding(Health.FAIL, "test mail", error.reason, mend)
    finally:
        await transport.close(grace=1.0)
    return Finding(Health.OK, "test mail", f"{receipt.relay} took it: {receipt.code}")


def _opened(address: RelayAddress, session: Session) -> str:
    connection = session.transport.get_extra_info("ssl_object")
    tls = connection.version() if isinstance(connection, ssl.SSLObject) else "clear text"
    who = "authenticated" if address.username else "no authentication"
    return f"connected, {tls}, {who}"


def _limits(subject: str, session: Session) -> Iterator[Finding]:
    offers = session.offers
    if not offers.pipelining:
        yield Finding(Health.WARN, subject, "no PIPELINING: slower, several round trips per mail")
    if not offers.smtputf8:
        found = "no SMTPUTF8: addresses such as 用户@example.org are refused"
        yield Finding(Health.WARN, subject, found)


def _test_mail(sender: str, recipient: str, now: datetime) -> Message:
    mailbox = parse_mailbox(sender)
    address = parse_address(recipient)
    mail = EmailMessage(policy=SMTP)
    mail["From"], mail["To"] = sender, address.spec
    mail["Subject"] = "Test of the notification dispatcher"
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{uuid4().hex}@{mailbox.address.domain}>"
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834 section 5
    mail.set_content("`dispatcher doctor` sent this to see whether mail arrives. It does.\n")
    return Message(
        mail["Message-ID"], mailbox.address.spec, address.spec, mail.as_bytes(), address.smtputf8
    )
