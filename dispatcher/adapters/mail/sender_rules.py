"""What an organization may set as its sender: checked once, when it is set.

Its relays are more restricted than the instance's: an organization must not reach what listens on
this machine only, nor read this machine's files, nor weaken how relays are checked.
"""

from typing import Final

from dispatcher.adapters.mail.addresses import parse_address, parse_mailbox
from dispatcher.adapters.mail.hosts import may_be_here
from dispatcher.adapters.mail.relay_address import RelayAddress, parse_relays
from dispatcher.errors import ConfigError, InvalidSender, RenderError
from dispatcher.sender import SenderChange

_MOST_RELAYS: Final = 5
_LONGEST_MAILBOX: Final = 320
_LONGEST_RELAYS: Final = 4096


def check(change: SenderChange, *, local: bool = False) -> None:
    """Check what is to be set.

    Args:
        change: What.
        local: Whether relays may be on this machine.

    Raises:
        InvalidSender: Names every mistake, and what to write instead; never a password.
    """
    mistakes: list[str] = []
    if change.mail_from:
        mistakes += _mailbox(change.mail_from)
    if change.reply_to:
        mistakes += _address(change.reply_to)
    if change.relays:
        mistakes += _relays(change.relays, local=local)
    if mistakes:
        raise InvalidSender("; ".join(mistakes))


def _mailbox(text: str) -> list[str]:
    if len(text) > _LONGEST_MAILBOX:
        return [f"mailFrom: at most {_LONGEST_MAILBOX} characters"]
    try:
        parse_mailbox(text)
    except ConfigError as error:
        return [f"mailFrom: {error}"]
    return []


def _address(text: str) -> list[str]:
    try:
        parse_address(text)
    except RenderError:
        return ["replyTo: expected one address, such as support@acme.example"]
    return []


def _relays(text: str, *, local: bool) -> list[str]:
    if len(text) > _LONGEST_RELAYS:
        return [f"relays: at most {_LONGEST_RELAYS} characters"]
    if not text.isprintable():
        return ["relays: there is a control character"]
    try:
        addresses = parse_relays(text)
    except ConfigError as error:
        return [f"relays: {error}"]
    if len(addresses) > _MOST_RELAYS:
        return [f"relays: at most {_MOST_RELAYS}"]
    return [
        f"relays: {mistake}" for address in addresses for mistake in _terms(address, local=local)
    ]


def _terms(address: RelayAddress, *, local: bool) -> list[str]:
    mistakes = []
    if not local and may_be_here(address.host):
        mistakes.append(f"{address.host}: an organization's relay cannot be on this machine")
    if not address.verify:
        mistakes.append(f"{address.name}: leave out ?verify=no")
    if address.ca or address.cert or address.key:
        mistakes.append(f"{address.name}: leave out ?ca=, ?cert= and ?key=, files of this machine")
    return mistakes
