"""Addresses: the strict reading of one addr-spec, and of the sender's mailbox.

The last line of defence: events with malformed addresses are refused long
before. What passes here can neither end a header line, nor add a recipient, nor be
taken for an encoded-word.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from email_validator import EmailNotValidError, validate_email

from dispatcher.errors import ConfigError, RenderError

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# RFC 5321 section 4.5.3.1: 64 octets of local part, a path of 256 with its angle brackets.
_ADDR_SPEC: Final = re.compile(
    rf"(?=[^@]{{1,64}}@)(?=.{{3,254}}\Z){_ATOM}(?:\.{_ATOM})*@({_LABEL}(?:\.{_LABEL})*)\Z"
)
_MAILBOX: Final = re.compile(r' *"?(?P<name>[^<>"]*?)"? *<(?P<address>[^<>]*)> *\Z')


@dataclass(frozen=True, slots=True)
class Address:
    """One addr-spec that may go into a header and an SMTP command.

    Args:
        spec: ``local@domain``; the domain is always ASCII (A-labels, RFC 5890).
        domain: The domain alone.
        smtputf8: Whether the local part needs a relay that offers SMTPUTF8 (RFC 6531).
    """

    spec: str
    domain: str
    smtputf8: bool = False


@dataclass(frozen=True, slots=True)
class Mailbox:
    """An address and the name shown with it; the name may be empty."""

    name: str
    address: Address


def parse_address(text: str) -> Address:
    """Return the one address that *text* is.

    Quoted local parts and address literals are refused: no mailbox needs them, and
    every mail system reads them in its own way.

    Raises:
        RenderError: It is not exactly one address; the error does not show it.
    """
    if "=?" in text:  # RFC 2047 section 5: no encoded-word in an addr-spec, but parsers decode it
        raise RenderError("the recipient's address looks like an encoded-word")
    match = _ADDR_SPEC.match(text)
    if match is not None:
        return Address(text, match[1])
    if text.isascii():
        raise RenderError("the recipient's address is not one addr-spec")
    return _international(text)


@lru_cache(maxsize=1024)
def _international(text: str) -> Address:
    try:
        found = validate_email(
            text, check_deliverability=False, globally_deliverable=False, strict=True
        )
    except (EmailNotValidError, UnicodeError) as error:
        # The library's text quotes the address, so it is not carried along.
        reason = type(error).__name__
        raise RenderError(f"the recipient's address cannot be used: {reason}") from None
    domain = found.ascii_domain
    return Address(f"{found.local_part}@{domain}", domain, smtputf8=found.smtputf8)


def parse_mailbox(text: str) -> Mailbox:
    """Return the sender that ``Name <address>`` or a bare address means.

    Raises:
        ConfigError: It is neither.
    """
    match = _MAILBOX.match(text)
    name, address = (match["name"], match["address"]) if match else ("", text.strip())
    if not name.isprintable():
        raise ConfigError("the sender's name has a character that cannot be shown")
    try:
        return Mailbox(name, parse_address(address))
    except RenderError:
        raise ConfigError(
            "the sender must be one mailbox, such as Acme Security <no-reply@acme.example>"
        ) from None
