"""Branding: what an organization's mails look like, and which details they tell."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Final

from dispatcher.errors import InvalidLook
from dispatcher.logo import Logo, parse_logo
from dispatcher.plain_text import plain_text

LEAST_CONTRAST: Final = 4.5  # WCAG 2.2, success criterion 1.4.3
DETAILS: Final = ("ip", "place", "device")
"""What an organization may keep out of its mails."""

INK: Final = "#1d2430"
ACCENT: Final = "#0b5cad"
SURFACES: Final = ("#f3f5f7", "#ffffff", "#f6f8fa", "#fdf4f3")
"""The templates' own colours: of text, of what stands out, and of what both stand on."""

_COLOUR: Final = re.compile(r"#(?:[0-9a-f]{3}|[0-9a-f]{6})\Z")
_LONGEST_NAME: Final = 100
_LONGEST_FOOTER: Final = 2_000
_LONGEST_LANGUAGE: Final = 35


@dataclass(frozen=True, slots=True)
class Branding:
    """An organization's look; what is empty is the instance's.

    Args:
        name: What its mails call it.
        language: The tag of the language for readers whose own is unknown.
        primary: The colour of what stands out, ``#0b5cad``.
        background: The colour that everything stands on.
        font: The colour of text.
        footer: Lines below everything else, such as an imprint.
        logo: Stands at the head of its mails.
        ip: Whether its mails tell the address that a change came from.
        place: Whether they tell the place.
        device: Whether they tell the device.
    """

    name: str = ""
    language: str = ""
    primary: str = ""
    background: str = ""
    font: str = ""
    footer: str = ""
    logo: Logo | None = None
    ip: bool = True
    place: bool = True
    device: bool = True


@dataclass(frozen=True, slots=True)
class BrandingChange:
    """What to change of a branding: None leaves a field as it is, empty resets it.

    Args:
        name: As in :class:`Branding`, and so the others.
        language: The same.
        primary: The same.
        background: The same.
        font: The same.
        footer: The same.
        logo: A PNG's or JPEG's bytes.
        ip: As in :class:`Branding`.
        place: The same.
        device: The same.
    """

    name: str | None = None
    language: str | None = None
    primary: str | None = None
    background: str | None = None
    font: str | None = None
    footer: str | None = None
    logo: bytes | None = field(default=None, repr=False)
    ip: bool | None = None
    place: bool | None = None
    device: bool | None = None


def changed(branding: Branding, change: BrandingChange) -> Branding:
    """Return the branding with the change made.

    Raises:
        InvalidLook: It cannot be used; the text names every mistake.
    """
    new = {each.name: getattr(branding, each.name) for each in fields(Branding)}
    mistakes: list[str] = []
    for name in new:
        given = getattr(change, name)
        if given is None:
            continue
        try:
            new[name] = _checked(name, given)
        except InvalidLook as error:
            mistakes.append(f"{name}: {error}")
    if not mistakes:
        mistakes += _unreadable(new["primary"], new["background"], new["font"])
    if mistakes:
        raise InvalidLook("; ".join(mistakes))
    return Branding(**new)


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours: 1.0, none at all, to 21.0, black on white (WCAG 2.2)."""
    brighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


def mixed(one: str, other: str, share: float) -> str:
    """Return the colour between two; *share*, 0.0 to 1.0, is how much of the first is in it."""
    parts = zip(_channels(one), _channels(other), strict=True)
    return "#" + "".join(f"{round(a * share + b * (1 - share)):02x}" for a, b in parts)


def _checked(name: str, given: object) -> object:
    if isinstance(given, bool):
        return given
    if isinstance(given, bytes):
        return parse_logo(given) if given else None
    text = str(given)
    if name in {"primary", "background", "font"}:
        return _colour(text)
    sizes = {"name": _LONGEST_NAME, "language": _LONGEST_LANGUAGE, "footer": _LONGEST_FOOTER}
    return plain_text(text, size=sizes[name], one_line=name != "footer")


def _colour(text: str) -> str:
    colour = text.strip().lower()
    if colour and not _COLOUR.match(colour):
        raise InvalidLook("expected a colour such as #0b5cad")
    if len(colour) == len("#rgb"):
        return "#" + "".join(2 * digit for digit in colour[1:])
    return colour


def _unreadable(primary: str, background: str, font: str) -> Iterator[str]:
    if not (primary or background or font):
        return
    surfaces = (background,) if background else SURFACES
    for name, colour in {"font": font or INK, "primary": primary or ACCENT}.items():
        found, surface = min((contrast(colour, surface), surface) for surface in surfaces)
        if found < LEAST_CONTRAST:
            yield (
                f"{name}: {colour} on {surface} has a contrast of {found:.2f}; "
                f"text needs at least {LEAST_CONTRAST}"
            )


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[at : at + 2], 16) for at in (1, 3, 5))


def _luminance(colour: str) -> float:
    weights = (0.2126, 0.7152, 0.0722)
    pairs = zip(weights, _channels(colour), strict=True)
    return sum(weight * _linear(channel / 255) for weight, channel in pairs)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - WCAG's
