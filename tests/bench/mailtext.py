"""The alternatives' templates, cut from a mail of ours: everybody sends the same text and size."""

import email
import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Final

from dispatcher.adapters.mail.renderer import MailRenderer
from dispatcher.events import Recipient
from dispatcher.message import Draft
from dispatcher.sources import native
from dispatcher.triggers import discover
from tests.bench.load import event

SENDER: Final = "Acme Security <no-reply@acme.example>"
_MARKS: Final = {
    "Ada Lovelace": "{{ name }}",
    "user0@bench.example": "{{ email }}",
    "acme-org": "{{ org }}",
    "192.0.2.1": "{{ ip }}",
}


class _Now:
    def now(self) -> datetime:
        return datetime.now(UTC)


def write_templates(folder: Path) -> int:
    """Write subject.txt, body.txt and body.html; return the bytes of a mail of ours."""
    folder.mkdir()
    happened = native.parse(event("sample", org="acme-org"))
    trigger = discover().for_type(happened.type)
    recipient = Recipient("user0@bench.example", "Ada Lovelace", "en")
    renderer = MailRenderer.load(sender=SENDER, secret=b"only for the benchmark", clock=_Now())
    draft = Draft(trigger.name, happened.org_id, happened.id, recipient, trigger.facts(happened))
    content = renderer.render(draft).content
    mail = email.message_from_bytes(content, _class=EmailMessage, policy=email.policy.default)
    _write(folder / "subject.txt", str(mail["Subject"]))
    for part in mail.iter_parts():
        kind = "html" if part.get_content_subtype() == "html" else "txt"
        _write(folder / f"body.{kind}", part.get_content())
    return len(content)


def _write(path: Path, text: str) -> None:
    for value, mark in _MARKS.items():
        text = text.replace(value, mark)
    path.write_text(text)
