"""Catalogues: the templates' texts in other languages, read from gettext ``.po`` files."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from gettext import c2py
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Message
from babel.messages.pofile import PoFileError, read_po

from dispatcher.adapters.mail.locales import ENGLISH
from dispatcher.errors import ConfigError

_PLACEHOLDER: Final = re.compile(r"%\((\w+)\)s")
_LINE_BREAK: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def _form_of_english(number: int) -> int:
    return int(number != 1)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One language's texts.

    Args:
        language: Its BCP 47 tag.
        texts: English text → text; what is missing stays English.
        rtl: Whether it is written from right to left.
        plurals: English text of many → one text for each of the language's plural forms.
        form: Tells which of the forms a number takes.
    """

    language: str
    texts: Mapping[str, str] = field(default_factory=dict)
    rtl: bool = False
    plurals: Mapping[str, Sequence[str]] = field(default_factory=dict)
    form: Callable[[int], int] = _form_of_english

    def gettext(self, text: str) -> str:
        """Return the English *text* in this language."""
        return self.texts.get(text, text)

    def ngettext(self, one: str, many: str, number: str) -> str:
        """Return the text for so many, in this language."""
        forms = self.plurals.get(many)
        if forms is None:
            return (one, many)[_form_of_english(int(number))]
        return forms[self.form(int(number))]


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
            catalogues[read.language] = replace(
                read,
                texts={**below.texts, **read.texts},
                plurals={**below.plurals, **read.plurals},
                form=read.form if read.plurals else below.form,
            )
    return catalogues


def _read(path: Path) -> Catalogue:
    tag = path.stem.replace("_", "-")
    try:
        locale = Locale.parse(tag, sep="-")
        with path.open("rb") as file:
            catalog = read_po(file, abort_invalid=True)
    except (UnknownLocaleError, PoFileError, OSError, ValueError) as error:
        raise ConfigError(f"the catalogue {path} cannot be read: {error}") from error
    texts: dict[str, str] = {}
    plurals: dict[str, Sequence[str]] = {}
    for entry in catalog:
        if entry.fuzzy or not entry.string:
            continue
        if isinstance(entry.id, str):
            texts[entry.id] = _checked(entry, entry.id, str(entry.string), path)
        else:
            plurals[entry.id[1]] = _forms(entry, catalog.num_plurals, path)
    texts.pop("", None)  # the file's own header
    rtl = locale.character_order == "right-to-left"
    return Catalogue(tag, texts, rtl, plurals, c2py(catalog.plural_expr))


def _forms(entry: Message, count: int, path: Path) -> Sequence[str]:
    forms = [str(form) for form in entry.string or ()]
    if len(forms) != count or not all(forms):
        place = f"{path}, line {entry.lineno}"
        raise ConfigError(f"{place}: expected {count} plural forms, as the file's header says")
    return [_checked(entry, entry.id[1], form, path) for form in forms]


def _checked(entry: Message, original: str, text: str, path: Path) -> str:
    names = set(_PLACEHOLDER.findall(original))
    rest = _PLACEHOLDER.sub("", text) if names else ""
    if original and (
        set(_PLACEHOLDER.findall(text)) - names or "%" in rest or _LINE_BREAK.search(text)
    ):
        raise ConfigError(
            f"{path}, line {entry.lineno}: a translation is one line, "
            f"and its placeholders are those of the English text"
        )
    return text
