"""The events that the gallery shows mails of: every kind, every way, tame and wild."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from dispatcher import triggers
from dispatcher.cli.preview_looks import globex
from dispatcher.cli.preview_readers import HOSTILE, LONG, SILENT, Reader, reader_of, told_in_english
from dispatcher.events import PASSWORD_CHANGED, Actor, ActorKind, Change, Context, Event, User
from dispatcher.look import Look
from dispatcher.triggers import Trigger

READER: Final = "reader@example.org"

_MOMENT: Final = datetime(2026, 11, 24, 9, 41, tzinfo=UTC)
_FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


@dataclass(frozen=True, slots=True)
class Variant:
    """A way in which something was changed; some make sense for passwords only."""

    title: str
    change: Change
    actor: ActorKind
    passwords_only: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """How much an event says, and how.

    Args:
        title: What the gallery calls it.
        reader: Whom it is about; None for one whose names are usual in the mail's language.
        ip: From which address.
        user_agent: With which browser.
        actor_known: Whether it is known who acted.
        branded: Whether the organization has a look of its own.
        in_english: Whether places and applications have English names in any language.
    """

    title: str
    reader: Reader | None = None
    ip: str | None = "203.0.113.24"
    user_agent: str | None = _FIREFOX
    actor_known: bool = True
    branded: bool = False
    in_english: bool = False


VARIANTS: Final[Mapping[str, Variant]] = {
    "change": Variant("Changed", Change.CHANGE, ActorKind.USER),
    "reset": Variant("Reset", Change.RESET, ActorKind.USER, passwords_only=True),
    "admin-reset": Variant("By an administrator", Change.ADMIN_RESET, ActorKind.ADMIN),
    "temporary": Variant("Temporary", Change.TEMPORARY, ActorKind.ADMIN, passwords_only=True),
    "system": Variant("By the system", Change.CHANGE, ActorKind.SYSTEM),
}

CONTENTS: Final[Mapping[str, Content]] = {
    "full": Content("Full"),
    "branded": Content("Organization's look", branded=True),
    "english": Content("English places", in_english=True),
    "sparse": Content("Sparse", SILENT, ip=None, user_agent=None, actor_known=False),
    "long": Content("Long names", LONG, ip="2001:0db8:85a3:0000:0000:8a2e:0370:7334"),
    "hostile": Content(
        "Hostile names",
        HOSTILE,
        ip="'; DROP TABLE users; --",
        user_agent="<b>Mozilla</b>/5.0 https://evil.example/?a=%0d%0a",
    ),
}


def kinds() -> Mapping[str, Trigger]:
    """Return every kind of mail by name."""
    modules = sorted(module.name for module in iter_modules(triggers.__path__))
    found: list[Trigger] = [
        import_module(f"{triggers.__name__}.{name}").TRIGGER for name in modules
    ]
    return {trigger.name: trigger for trigger in found}


def makes_sense(trigger: Trigger, variant: str) -> bool:
    """Tell whether a kind of mail knows this way of changing something."""
    return trigger.event_type == PASSWORD_CHANGED or not VARIANTS[variant].passwords_only


def sample(trigger: Trigger, variant: str, content: str, language: str) -> Event:
    """Return an event as an imaginary IAM tells it: the same one every time.

    Args:
        trigger: The kind of mail.
        variant: A key of :data:`VARIANTS`.
        content: A key of :data:`CONTENTS`.
        language: The reader's BCP 47 tag.
    """
    way, said = VARIANTS[variant], CONTENTS[content]
    reader = said.reader or reader_of(language)
    reader = told_in_english(reader) if said.in_english else reader
    return Event(
        id=f"{trigger.name}-{variant}-{content}-{language}",
        org_id="acme",
        user=User(
            id="u-1001",
            email=READER,
            display_name=reader.name,
            login_name=reader.login_name,
            locale=language,
            email_verified=True,
            previous_email="reader.before@example.org",
        ),
        occurred_at=_MOMENT,
        type=trigger.event_type,
        change=way.change,
        actor=Actor(way.actor if said.actor_known else ActorKind.UNKNOWN),
        context=Context(said.ip, said.user_agent, reader.client, reader.place),
        source="https://iam.example.org",
    )


def look_of(content: str, language: str) -> Look | None:
    """Return the look of a sample's organization; None for the instance's."""
    if not CONTENTS[content].branded:
        return None
    reader = reader_of(language)
    return globex(reader.organization, f"{reader.organization}\n{reader.place}")
