"""Languages: which one a mail is written in, and how its readers spell a moment."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_time, get_datetime_format

ENGLISH: Final = "en"
"""The language of the templates themselves: always there, the end of every fallback."""

LONGEST_TAG: Final = 35  # RFC 5646 section 4.4.1: what an implementation must at least take

_TAG: Final = re.compile(r"[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*\Z")
_SCRIPT: Final = 4  # letters of a script's subtag
# Other names of a language: superseded ones, which Java still says, and forms of one.
_SAME: Final = {
    "iw": "he", "in": "id", "ji": "yi", "mo": "ro", "sh": "sr",
    "nb": "no", "nn": "no", "cmn": "zh", "yue": "zh-hant",
}  # fmt: skip
_TRADITIONAL: Final = frozenset({"tw", "hk", "mo"})  # regions that write Chinese so

_COLONS: Final = {"fr": "\u00a0: ", "ja": "\uff1a", "zh": "\uff1a"}


@dataclass(frozen=True, slots=True)
class Choice:
    """The language chosen for a reader.

    Args:
        language: A catalogue's tag, ``zh-TW``.
        region: The locale, as Babel names it, whose habits spell dates: ``en_GB``.
    """

    language: str
    region: str

    def spell(self, moment: datetime) -> str:
        """Return the moment to the minute, in UTC and saying so."""
        return _spell(moment.replace(second=0, microsecond=0), self.region)


def colon(language: str) -> str:
    """Return what stands between a label and its value, as the language's typesetters have it."""
    return _COLONS.get(language.partition("-")[0], ": ")


class Languages:
    """The languages there are, and the rule that picks one.

    The reader's exact tag counts first, then ever less of it, then the organization's
    default, the instance's, and English.

    Args:
        available: The catalogues' tags; English is added.
        default: The instance's language tag.
    """

    def __init__(self, available: Iterable[str], default: str = ENGLISH) -> None:
        self._by_tag = {"-".join(_significant(tag)): tag for tag in (ENGLISH, *available)}
        self._fallback = self._match(default) or Choice(ENGLISH, ENGLISH)
        self._match_cached = lru_cache(maxsize=1024)(self._match)

    def choose(self, tag: str | None, default: str = "") -> Choice:
        """Return the language for a reader.

        Args:
            tag: The reader's BCP 47 tag; anything unusable counts as none.
            default: The organization's, likewise.
        """
        return self._asked(tag) or self._asked(default) or self._fallback

    def _asked(self, tag: str | None) -> Choice | None:
        return self._match_cached(tag) if tag and len(tag) <= LONGEST_TAG else None

    def _match(self, tag: str) -> Choice | None:
        tag = tag.partition(".")[0].partition("@")[0]  # POSIX: de_DE.UTF-8@euro
        if not _TAG.match(tag):
            return None
        subtags = _significant(tag)
        for candidate in _ever_shorter(subtags):
            language = self._by_tag.get(candidate)
            if language is not None:
                return Choice(language, _region(subtags, language))
        return None


def _significant(tag: str) -> list[str]:
    """Return the lower-case subtags before any extension (RFC 5646 section 2.2.6)."""
    first, *rest = tag.lower().replace("_", "-").split("-")
    subtags = _SAME.get(first, first).split("-")
    for subtag in rest:
        if len(subtag) == 1:
            break
        subtags.append(subtag)
    if subtags[0] == "zh" and _TRADITIONAL & set(subtags[1:]) and len(subtags[1]) != _SCRIPT:
        subtags.insert(1, "hant")
    return subtags


def _ever_shorter(subtags: list[str]) -> Iterator[str]:
    """Yield the lookup's candidates (RFC 4647 section 3.4), and the tag without its script."""
    for length in range(len(subtags), 1, -1):
        yield "-".join(subtags[:length])
        if length > 2 and len(subtags[1]) == _SCRIPT:  # noqa: PLR2004 - more than a script
            yield "-".join([subtags[0], *subtags[2:length]])
    yield subtags[0]


def _region(subtags: list[str], language: str) -> str:
    for length in range(len(subtags), 0, -1):
        try:
            return str(Locale.parse("_".join(subtags[:length])))
        except (UnknownLocaleError, ValueError):
            continue
    return str(Locale.parse(language, sep="-"))


@lru_cache(maxsize=4096)
def _spell(minute: datetime, region: str) -> str:
    utc = minute.astimezone(UTC)
    joined = str(get_datetime_format("long", locale=region)).replace("'", "")
    time = f"{format_time(utc, 'short', locale=region)} UTC"
    spelled = joined.replace("{0}", time).replace("{1}", format_date(utc, "long", locale=region))
    # CLDR puts narrow no-break spaces before AM and PM, which old mail programs show as boxes.
    return spelled.replace("\u202f", " ").replace("\u00a0", " ")
