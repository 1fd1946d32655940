"""Dressing: what a message in its organization's look shows beside what every message does.

Templates say where an organization's own words may stand, as in
``{# slot greeting #}…{# end #}``, and which of their colours are its to choose, as in
``var(--ink, #1d2430)``: see :func:`dispatcher.adapters.mail.templates.with_slots`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from markupsafe import Markup, escape

from dispatcher.adapters.mail.inline import Inline
from dispatcher.adapters.mail.wrapping import wrap
from dispatcher.branding import DETAILS, INK, SURFACES, Branding, mixed
from dispatcher.errors import InvalidLook
from dispatcher.events import Event, User
from dispatcher.look import Look
from dispatcher.phrase import Phrase, Values
from dispatcher.phrase_reader import parse
from dispatcher.triggers import Trigger, Triggers

SLOTS: Final = frozenset(
    {"title", "pre_header", "greeting", "text", "button_text", "footer_text", "imprint", "logo"}
)
"""Where something of an organization's own may stand in a template."""

COLOURS: Final = frozenset(
    {"page", "card", "panel", "notice", "ink", "muted", "brand", "accent", "line"}
)
"""The colours of a stylesheet that may be an organization's."""

_ALWAYS: Final = frozenset({"name", "instance", "organization", "account", "contact"})
_LINE_SHARE: Final = 0.2
_MOST_PHRASES: Final = 256
"""Texts that are kept read: a reading costs a thirtieth of a millisecond, at worst one."""
_IMPRINT: Final = Markup('<div style="padding-top:16px">{}</div>')
# Its own ground keeps dark letters readable where a reader's program makes all else dark.
_LOGO: Final = Markup(
    '<img src="cid:{}" alt="{}" width="{}" height="{}" border="0" style="background:{}">'
)
_EXAMPLE: Final = Event("example", "example", User("example"), datetime(2000, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Dressing:
    """What goes into the slots of one message; None where the template's own is to stay.

    Args:
        subject: Its subject.
        text: What the text part shows, by slot.
        html: What the HTML part shows, by slot, and its colours, ``ink_color``.
        logo: The image that the HTML part shows.
    """

    subject: str | None
    text: Mapping[str, str | None]
    html: Mapping[str, str | None]
    logo: Inline | None = None


def kinds(triggers: Triggers) -> Mapping[str, frozenset[str]]:
    """Return the kinds of mail, and the names of the values that an organization may show."""
    found = (triggers.for_type(event_type) for event_type in triggers.types)
    return {trigger.name: _values_of(trigger) for trigger in found}


def in_the_name_of(branding: Branding, values: Mapping[str, str | bool | None]) -> Values:
    """Return a message's values as the organization tells them: details may be left out."""
    told = dict(values)
    if branding.name:
        told["instance"] = told["organization"] = branding.name
    for detail in DETAILS:
        if not getattr(branding, detail):
            told[detail] = None
    return told


def dress(look: Look, kind: str, language: str, values: Values, domain: str) -> Dressing:
    """Return what a message shows of its organization's look.

    Args:
        look: The look.
        kind: The kind of mail.
        language: The language it is written in.
        values: What its texts may show.
        domain: The right-hand side of the logo's Content-ID.
    """
    branding, wording = look.branding, look.texts.get((kind, language), {})
    phrases = {name: _phrase(text) for name, text in wording.items()}
    text = {name: _as_text(phrase, values) for name, phrase in phrases.items()}
    html = {name: _as_html(phrase, values) for name, phrase in phrases.items()}
    logo = Inline.of(branding.logo, domain) if branding.logo else None
    subject = " ".join((text.pop("subject", None) or "").split()) or None
    none, ground = dict.fromkeys(SLOTS), branding.background or SURFACES[0]
    return Dressing(
        subject,
        {**none, **text, **_apart(text.get("title"), branding.footer)},
        {
            **none,
            **html,
            "imprint": _IMPRINT.format(_escaped(branding.footer)) if branding.footer else None,
            "logo": _image(logo, str(values["instance"]), ground) if logo else None,
            **_colours(branding),
        },
        logo,
    )


def _values_of(trigger: Trigger) -> frozenset[str]:
    shown = {"device" if name == "user_agent" else name for name in trigger.facts(_EXAMPLE)}
    return _ALWAYS | shown


def _apart(title: str | None, footer: str) -> Mapping[str, str | None]:
    """Return what stands in the text part with an empty line between it and the rest."""
    return {
        "title": f"{title}\n" if title else None,
        "imprint": f"\n{_lines(footer)}" if footer else None,
    }


@lru_cache(maxsize=_MOST_PHRASES)
def _phrase(text: str) -> Phrase:
    try:
        return parse(text)
    except InvalidLook:  # an older version took it: the template's own words are better than none
        return parse("")


def _as_text(phrase: Phrase, values: Values) -> str | None:
    return _lines(phrase.render(values).strip()) or None


def _as_html(phrase: Phrase, values: Values) -> str | None:
    return Markup(phrase.render(values, literal=_escaped, value=_isolated).strip()) or None  # noqa: S704 - both escape


def _lines(text: str) -> str:
    return "\n".join(map(wrap, text.split("\n")))


def _escaped(text: str) -> str:
    return Markup("<br>\n").join(text.split("\n"))


def _isolated(value: str) -> str:
    return f"<bdi>{escape(value)}</bdi>"


def _image(logo: Inline, name: str, ground: str) -> str:
    return _LOGO.format(logo.id, name, *logo.shown_size, ground)


def _colours(branding: Branding) -> Mapping[str, str | None]:
    """Return the colours by role; a branding without any of its own leaves the templates'."""
    ground = branding.background or None
    ink = branding.font or (INK if ground else None)
    line = mixed(ink, ground, _LINE_SHARE) if ink and ground else None
    accent = branding.primary or None
    roles = {
        **dict.fromkeys(("page", "card", "panel", "notice"), ground),
        **dict.fromkeys(("ink", "muted"), ink),
        **dict.fromkeys(("accent", "brand"), accent),
        "line": line,
    }
    roles["brand"] = accent or ink
    return {f"{role}_color": colour for role, colour in roles.items()}
