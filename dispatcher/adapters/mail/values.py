"""Plain values for the templates: what an event says, made harmless to show.

Some of it was written by whoever changed the password, who may be an attacker: a
name, a place or a program must not be able to turn round the text, break its lines,
or put a link into a mail that people trust.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Final

from dispatcher.message import Fact

LONGEST: Final = 100
"""Characters of one value that are shown; the rest becomes an ellipsis."""

_BREAKS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_BIDI_CONTROLS: Final = re.compile(r"[\u202a-\u202e\u2066-\u2069]")
_NONCHARACTERS: Final = "".join(
    chr(plane + last) for plane in range(0, 0x110000, 0x10000) for last in (0xFFFE, 0xFFFF)
)
_UNUSABLE: Final = re.compile(rf"[\ud800-\udfff\ufdd0-\ufdef{_NONCHARACTERS}]")
# What mail programs turn into links by themselves.
_LINK: Final = re.compile(r"://|\bwww\.|[^\s./]\.[^\W\d_]{2,}/", re.IGNORECASE)

# In order: products that claim to be others as well come before those.
_BROWSERS: Final = (
    ("Edge", re.compile(r"\bEdgA?(?:iOS)?/")),
    ("Opera", re.compile(r"\bOPR/|\bOpera\b")),
    ("Samsung Internet", re.compile(r"\bSamsungBrowser/")),
    ("Firefox", re.compile(r"\b(?:Firefox|FxiOS)/")),
    ("Chrome", re.compile(r"\b(?:Chrome|CriOS|Chromium)/")),
    ("Safari", re.compile(r"\bVersion/[\d.]+.*\bSafari/")),
    ("curl", re.compile(r"\Acurl/")),
)
_SYSTEMS: Final = (
    ("Android", re.compile(r"\bAndroid\b")),
    ("iPhone", re.compile(r"\biPhone\b")),
    ("iPad", re.compile(r"\biPad\b")),
    ("Windows", re.compile(r"\bWindows\b")),
    ("ChromeOS", re.compile(r"\bCrOS\b")),
    ("macOS", re.compile(r"\bMac OS X\b|\bMacintosh\b")),
    ("Linux", re.compile(r"\bLinux\b|\bX11\b")),
)


def plain(text: str | None) -> str | None:
    """Return the text as one short line without a link in it, or None where nothing is left.

    Line breaks and control characters become a space, overrides of the writing
    direction vanish, lone surrogates and noncharacters become U+FFFD. Any other
    character is kept.
    """
    if text is None:
        return None
    if not text.isprintable():
        text = _BREAKS.sub(" ", text)
        text = _BIDI_CONTROLS.sub("", text)
        text = _UNUSABLE.sub("\ufffd", text)
    text = text.strip()
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    if ("/" in text or "." in text) and _LINK.search(text):
        return None
    return text or None


@lru_cache(maxsize=4096)
def device(user_agent: str) -> str | None:
    """Return the browser and the system in words, ``Firefox (Linux)``; None when unknown.

    Only names from our own tables are ever shown: the text itself is the client's to choose.
    """
    agent = user_agent[:512]
    names = [
        next((name for name, pattern in table if pattern.search(agent)), "")
        for table in (_BROWSERS, _SYSTEMS)
    ]
    browser, system = names
    if browser and system:
        return f"{browser} ({system})"
    return browser or system or None


def plain_facts(
    facts: Mapping[str, Fact], spell: Callable[[datetime], str]
) -> dict[str, str | bool | None]:
    """Return the facts as the templates see them.

    Args:
        facts: What the trigger says of the event. ``user_agent`` is seen as ``device``.
        spell: Writes a moment in the reader's language.
    """
    values: dict[str, str | bool | None] = {}
    for name, fact in facts.items():
        if name == "user_agent":
            values["device"] = device(fact) if isinstance(fact, str) else None
        elif isinstance(fact, str):
            values[name] = plain(fact)
        elif isinstance(fact, datetime):
            values[name] = spell(fact)
        else:
            values[name] = fact
    return values
