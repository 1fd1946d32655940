"""The mails that a demo left in its inbox, and what is wrong with them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Final

ONCE: Final = ("From", "To", "Subject", "Message-ID", "Date")
"""Headers of which a mail has exactly one (RFC 5322 section 3.6)."""

_ADDRESS_HEADERS: Final = ("Cc", "Bcc", "Resent-To")
_PASSWORD_MATERIAL: Final = re.compile(rb"EXAMPLE-?passwordMaterial")


@dataclass(frozen=True, slots=True)
class Mail:
    """One ``.eml`` file.

    Args:
        name: The file's name.
        content: Its bytes, as the relay got them.
        parsed: What the standard library reads in them.
    """

    name: str
    content: bytes
    parsed: EmailMessage

    @property
    def message_id(self) -> str:
        """Return its Message-ID, or ""."""
        return str(self.parsed.get("Message-ID", "")).strip()

    @property
    def language(self) -> str:
        """Return what it says it is written in, or ""."""
        return str(self.parsed.get("Content-Language", "")).strip()

    @property
    def addresses(self) -> Sequence[str]:
        """Return the addresses it names as its readers."""
        to = self.parsed["To"]
        return [address.addr_spec for address in to.addresses] if to else []


def read_mails(folder: Path) -> list[Mail]:
    """Return the mails of an inbox folder, oldest first."""
    mails = []
    for path in sorted(folder.glob("*.eml")):
        content = path.read_bytes()
        # Headers may hold UTF-8 as it is (RFC 6532), which the parser knows of text only.
        text = content.decode(errors="surrogateescape")
        parsed = message_from_string(text, _class=EmailMessage, policy=policy.default)
        mails.append(Mail(path.name, content, parsed))
    return mails


def mistakes(mail: Mail) -> list[str]:
    """Return what is wrong with a mail's form; nothing when it is well-formed."""
    found = [
        f"{len(values)} {name} headers instead of one"
        for name in ONCE
        if len(values := mail.parsed.get_all(name, [])) != 1
    ]
    found += [f"a {name} header" for name in _ADDRESS_HEADERS if name in mail.parsed]
    if len(mail.addresses) != 1:
        found.append(f"{len(mail.addresses)} addresses in To instead of one")
    found += _defects(mail.parsed.walk())
    found += _missing_parts(mail.parsed)
    if _PASSWORD_MATERIAL.search(mail.content):
        found.append("password material")
    return found


def _missing_parts(message: EmailMessage) -> list[str]:
    found = []
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        if not isinstance(part, EmailMessage) or not str(part.get_content()).strip():
            found.append(f"no text/{kind} part")
    return found


def _defects(parts: Iterable[object]) -> list[str]:
    return [
        f"{type(defect).__name__} in the {part.get_content_type()} part"
        for part in parts
        if isinstance(part, EmailMessage)
        for defect in part.defects
    ]
