"""Catalogues: the templates' texts in other languages, read from gettext ``.po`` files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Message
from babel.messages.pofile import PoFileError, read_po

from dispatcher.adapters.mail.locales import ENGLISH
from dispatcher.errors import ConfigError

_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s")
_LINE_BREAK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language's texts.

    Args:
        language: Its BCP 47 tag.
        texts: English text → text; what is missing stays English.
        rtl: Whether it is written from right to left.
    """

    language: str
    texts: Mapping[str, str] = field(default_factory=dict)
    rtl: bool = False

    def gettext(self, text: str) -> str:
        """Return the English *text* in this language."""
        return self.texts.get(text, text)


def read_catalogues(folders: Sequence[Path]) -> Mapping[str, Catalogue]:
    """Return all catalogues by language; English is always there.

    Args:
        folders: Template folders, the one that counts most first. A catalogue in an
            earlier folder need only hold the texts that differ.

    Raises:
        ConfigError: A file cannot be read, or a translation would break its text.
    """
    catalogues = {ENGLISH: Catalogue(ENGLISH)}
    for folder in reversed(folders):
        for path in sorted((folder / "locale").glob("*.po")):
            read = _read(path)
            below = catalogues.get(read.language, read)
            texts = {**below.texts, **read.texts}
            catalogues[read.language] = Catalogue(read.language, texts, read.rtl)
    return catalogues


def _read(path: Path) -> Catalogue:
    tag = path.stem.replace("_", "-")
    try:
        locale = Locale.parse(tag, sep="-")
        with path.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
    except (UnknownLocaleError, PoFileError, OSError, ValueError) as error:
        raise ConfigError(f"the catalogue {path} cannot be read: {error}") from error
    texts = dict(_checked(entry, path) for entry in catalog if entry.string and not entry.fuzzy)
    texts.pop("", None)  # the file's own header
    return Catalogue(tag, texts, locale.character_order == "right-to-left")


def _checked(entry: Message, path: Path) -> tuple[str, str]:
    original, text = entry.id, entry.string
    if not isinstance(original, str) or not isinstance(text, str):
        raise ConfigError(f"{path}, line {entry.lineno}: the templates use no plural forms")
    names = set(_PLACEHOLDER.findall(original))
    rest = _PLACEHOLDER.sub("", text) if names else ""
    if original and (
        set(_PLACEHOLDER.findall(text)) - names or "%" in rest or _LINE_BREAK.search(text)
    ):
        raise ConfigError(
            f"{path}, line {entry.lineno}: a translation is one line, "
            f"and its placeholders are those of the English text"
        )
    return original, text
