"""Drafts to render, and what a reader's program sees of the result."""

import email
import email.policy
from dataclasses import dataclass, field
from email.message import EmailMessage
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from dispatcher.adapters.mail.catalogues import find_catalogues
from dispatcher.adapters.mail.renderer import MailRenderer
from dispatcher.adapters.mail.templates import default_folder
from dispatcher.events import Actor, ActorKind, Change, Context, Recipient
from dispatcher.message import Draft, Fact, Message
from dispatcher.triggers.password_change import facts
from tests.builders import NOON, StandingClock, a_user, an_event

SECRET = b"a secret of more than 16 bytes"
ADDRESS = "ada@example.org"
AGENT = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
FULL = Context(
    ip="203.0.113.42", user_agent=AGENT, client="Account portal", place="Vienna, Austria"
)
LANGUAGES = tuple(sorted(find_catalogues([default_folder()])))


def a_renderer(
    *folders: Path, sender: str = "Acme Security <no-reply@acme.example>", **settings: Any
) -> MailRenderer:
    """Return a renderer; the same settings give the same one."""
    return _renderer(folders, sender, tuple(settings.items()))


@cache
def _renderer(
    folders: tuple[Path, ...], sender: str, settings: tuple[tuple[str, Any], ...]
) -> MailRenderer:
    return MailRenderer.load(
        sender=sender, secret=SECRET, clock=StandingClock(), folders=folders, **dict(settings)
    )


def a_draft(
    *,
    name: str | None = "Ada Lovelace",
    address: str = ADDRESS,
    locale: str | None = "en",
    change: Change = Change.CHANGE,
    actor: ActorKind = ActorKind.USER,
    context: Context = FULL,
    login_name: str | None = "ada.lovelace",
    **other: Fact,
) -> Draft:
    """Return a draft of the password mail, with everything in it unless said otherwise."""
    event = an_event(
        user=a_user(login_name=login_name),
        occurred_at=NOON,
        change=change,
        actor=Actor(actor),
        context=context,
    )
    recipient = Recipient(address, name, locale)
    return Draft("password_change", event.org_id, event.id, recipient, {**facts(event), **other})


@dataclass
class _Reader(HTMLParser):
    text: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    remote: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    silent: bool = False

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.silent = tag in {"style", "title"}
        named = dict(attrs)
        self.links += [named["href"] or ""] if "href" in named else []
        self.remote += [named["src"] or ""] if "src" in named else []

    def handle_endtag(self, tag: str) -> None:
        self.silent = self.silent and tag not in {"style", "title"}

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.text.append(data)


@dataclass(frozen=True)
class Seen:
    """A mail as its reader's program sees it."""

    mail: EmailMessage
    text: str
    html: str
    shown: str
    links: list[str]
    remote: list[str]
    tags: list[str]


def read(message: Message) -> Seen:
    """Return what a program that reads the message strictly sees."""
    mail = email.message_from_bytes(message.content, policy=email.policy.default)
    text, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    reader = _Reader()
    reader.feed(html)
    reader.close()
    shown = " ".join("".join(reader.text).split())
    return Seen(mail, text, html, shown, reader.links, reader.remote, reader.tags)


def see(**draft: Any) -> Seen:
    """Return what is seen of a draft rendered with a contact address."""
    return read(a_renderer(contact="security@acme.example").render(a_draft(**draft)))
