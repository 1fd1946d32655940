"""Texts: what an organization's mails say in its own words, per kind of mail and language."""

from collections.abc import Collection, Mapping
from html import escape
from typing import Final

from dispatcher.errors import InvalidLook
from dispatcher.phrase import Phrase
from dispatcher.phrase_reader import parse
from dispatcher.plain_text import plain_text

LARGEST: Final[Mapping[str, int]] = {
    "title": 2_000,
    "pre_header": 2_000,
    "subject": 2_000,
    "greeting": 4_000,
    "text": 40_000,
    "button_text": 4_000,
    "footer_text": 8_000,
}
"""The texts of a mail, and the bytes of each; the API's limits (policy-api, custom texts)."""

ONE_LINE: Final = frozenset({"title", "pre_header", "subject", "greeting", "button_text"})

MOST_RENDERED: Final = 64_000
"""Bytes of HTML that all texts of a mail together may come to, whatever their values: mail
programs cut a mail off at about a hundred thousand, and our own part of it takes a third."""

_LONGEST_VALUE: Final = 600
"""Bytes of HTML that a value may come to: a hundred characters, each escaped."""

Wording = Mapping[str, str]
"""An organization's own texts in one kind of mail and one language, by name: phrases' sources."""


def reworded(old: Wording, change: Mapping[str, str | None], known: Collection[str]) -> Wording:
    """Return the texts with some changed; None and "" give a text back to the templates.

    Args:
        old: The texts as they are.
        change: What to change, by name.
        known: The names of the values there are in that kind of mail.

    Raises:
        InvalidLook: A text cannot be used; names every one, and the place in it.
    """
    new, mistakes = {name: parse(text) for name, text in old.items()}, []
    for name, text in change.items():
        try:
            new[name] = _phrase(name, text or "", known)
        except InvalidLook as error:
            mistakes.append(f"{name}: {error}")
    if mistakes:
        raise InvalidLook("; ".join(mistakes))
    kept = {name: new[name] for name in LARGEST if name in new and new[name].source}
    sizes = {name: phrase.longest(_as_html, _LONGEST_VALUE) for name, phrase in kept.items()}
    rendered = sum(sizes.values())
    if rendered > MOST_RENDERED:
        raise InvalidLook(
            f"the texts may come to {rendered:,} bytes of a mail's HTML; "
            f"at most {MOST_RENDERED:,}: shorten {max(sizes, key=sizes.__getitem__)}"
        )
    return {name: phrase.source for name, phrase in kept.items()}


def _phrase(name: str, text: str, known: Collection[str]) -> Phrase:
    if name not in LARGEST:
        raise InvalidLook(f"there is no such text; there are {', '.join(LARGEST)}")
    return parse(plain_text(text, size=LARGEST[name], one_line=name in ONE_LINE), known)


def _as_html(text: str) -> int:
    escaped = escape(text).encode("ascii", "xmlcharrefreplace")
    return len(escaped) + text.count("\n") * len("<br>")
