"""Catalogues: the templates' texts in other languages, read from gettext ``.po`` files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import PoFileError, read_po

from dispatcher.adapters.mail.locales import ENGLISH
from dispatcher.errors import ConfigError

_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s")


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
    texts = {str(entry.id): _checked(entry, path) for entry in _finished(catalog)}
    return Catalogue(tag, texts, locale.character_order == "right-to-left")


def _finished(catalog: Catalog) -> list[Message]:
    return [entry for entry in catalog if entry.id and entry.string and not entry.fuzzy]


def _checked(entry: Message, path: Path) -> str:
    text = str(entry.string)
    names = set(_PLACEHOLDER.findall(str(entry.id)))
    rest = _PLACEHOLDER.sub("", text) if names else ""
    if set(_PLACEHOLDER.findall(text)) - names or "%" in rest or not text.isprintable():
        raise ConfigError(
            f"{path}, line {entry.lineno}: the translation may be one line "
            f"with no placeholder but {', '.join(sorted(names)) or 'none'}"
        )
    return text
