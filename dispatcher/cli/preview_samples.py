"""The events that the gallery shows mails of: every kind, every way, tame and wild."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from pkgutil import iter_modules
from typing import Final

from dispatcher import triggers
from dispatcher.cli.preview_looks import globex
from dispatcher.events import PASSWORD_CHANGED, Actor, ActorKind, Change, Context, Event, User
from dispatcher.look import Look
from dispatcher.triggers import Trigger

READER: Final = "reader@example.org"

_MOMENT: Final = datetime(2026, 11, 24, 9, 41, tzinfo=UTC)
_FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
_FULL: Final = Context("203.0.113.24", _FIREFOX, "Account portal", "Vienna, Austria")


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
        name: The user's name; None for one that is usual in the mail's language.
        login_name: The user's login name.
        context: From where.
        actor_known: Whether it is known who acted.
        look: The organization's look; None for the instance's.
    """

    title: str
    name: str | None
    login_name: str | None
    context: Context
    actor_known: bool = True
    look: Look | None = None


VARIANTS: Final[Mapping[str, Variant]] = {
    "change": Variant("Changed", Change.CHANGE, ActorKind.USER),
    "reset": Variant("Reset", Change.RESET, ActorKind.USER, passwords_only=True),
    "admin-reset": Variant("By an administrator", Change.ADMIN_RESET, ActorKind.ADMIN),
    "temporary": Variant("Temporary", Change.TEMPORARY, ActorKind.ADMIN, passwords_only=True),
    "system": Variant("By the system", Change.CHANGE, ActorKind.SYSTEM),
}

CONTENTS: Final[Mapping[str, Content]] = {
    "full": Content("Full", None, "a.lovelace", _FULL),
    "branded": Content("Organization's look", None, "a.lovelace", _FULL, look=globex()),
    "sparse": Content("Sparse", "", None, Context(), actor_known=False),
    "long": Content(
        "Long names",
        "Pablo Diego José Francisco de Paula Juan Nepomuceno María de los Remedios Cipriano Ruiz",
        "donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
        Context(
            "2001:0db8:85a3:0000:0000:8a2e:0370:7334",
            _FIREFOX,
            "The customer portal of the association of municipal water and energy suppliers",
            "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch, Anglesey, Wales",
        ),
    ),
    "hostile": Content(
        "Hostile names",
        "<img src=x onerror=alert(1)> {{ 7 * 7 }}\r\nBcc: all@example.org",
        "\u202egro.elpmaxe@ada\u202c <script>alert(1)</script>",
        Context(
            "'; DROP TABLE users; --",
            "<b>Mozilla</b>/5.0 https://evil.example/?a=%0d%0a",
            "Call +1 555 0100 {% for x in range(9**9) %}",
            "https://evil.example/verify?token=1",
        ),
    ),
}

_NAMES: Final[Mapping[str, str]] = {
    "ar": "ليلى حداد",
    "bg": "Иванка Петрова",
    "cs": "Božena Němcová",
    "de": "Jürgen Müßig",
    "es": "Íñigo Núñez",
    "fa": "شیرین رضایی",
    "fr": "Zoé Lefèvre",
    "he": "נועה לוי",
    "hu": "Őrsi Gyöngyvér",
    "id": "Siti Rahmawati",
    "it": "Niccolò Perché",
    "ja": "山田 花子",
    "ko": "김서연",
    "mk": "Ѓорѓи Џамбазов",
    "nl": "Anneke van 't Hoff",
    "pl": "Łucja Żółkiewska",
    "pt": "João Conceição",
    "ro": "Ștefan Țăranu",
    "ru": "Анна Королёва",
    "sv": "Åsa Björklöf",
    "tr": "Işıl Güngör",  # noqa: RUF001 - Turkish has that letter
    "uk": "Ґанна Їжакевич",
    "zh": "王小明",
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
    usual = _NAMES.get(language.partition("-")[0], "Ada Lovelace")
    return Event(
        id=f"{trigger.name}-{variant}-{content}-{language}",
        org_id="acme",
        user=User(
            id="u-1001",
            email=READER,
            display_name=usual if said.name is None else said.name,
            login_name=said.login_name,
            locale=language,
            email_verified=True,
            previous_email="reader.before@example.org",
        ),
        occurred_at=_MOMENT,
        type=trigger.event_type,
        change=way.change,
        actor=Actor(way.actor if said.actor_known else ActorKind.UNKNOWN),
        context=said.context,
        source="https://iam.example.org",
    )
