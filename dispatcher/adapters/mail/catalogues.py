"""Catalogues: the templates' texts in other languages, read from gettext ``.po`` files."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from gettext import c2py
from pathlib import Path
from typing import Final

from babel import Locale, UnknownLocaleError, localedata, parse_locale
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


class Catalogues(Mapping[str, Catalogue]):
    """All catalogues by language, each read when it is first asked for; English is there.

    Args:
        files: The languages' files; of one language, the one that counts most last. A
            catalogue in a later file need only hold the texts that differ.
    """

    def __init__(self, files: Mapping[str, Sequence[Path]]) -> None:
        self._files = {ENGLISH: (), **files}
        self._read: dict[str, Catalogue] = {}

    def __getitem__(self, language: str) -> Catalogue:
        """Return a language's catalogue.

        Raises:
            ConfigError: A file cannot be read, or a translation would break its text.
        """
        found = self._read.get(language)
        if found is None:
            found = Catalogue(language)
            for path in self._files[language]:
                found = _over(found, _read(path, language))
            self._read[language] = found
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


def find_catalogues(folders: Sequence[Path]) -> Catalogues:
    """Return the catalogues of these folders.

    All but the last folder's are read at once: those are the operator's, who is to hear of
    a mistake before a reader does. The last folder's are ours, which our tests read.

    Args:
        folders: Template folders, the one that counts most first.

    Raises:
        ConfigError: A file is of no known language, cannot be read, or would break a text.
    """
    files: dict[str, list[Path]] = {}
    own = set()
    for folder in reversed(folders):
        for path in sorted((folder / "locale").glob("*.po")):
            language = _language(path)
            files.setdefault(language, []).append(path)
            if folder is not folders[-1]:
                own.add(language)
    catalogues = Catalogues(files)
    for language in sorted(own):
        catalogues[language]
    return catalogues


def _over(below: Catalogue, above: Catalogue) -> Catalogue:
    return replace(
        above,
        texts={**below.texts, **above.texts},
        plurals={**below.plurals, **above.plurals},
        form=above.form if above.plurals else below.form,
    )


def _language(path: Path) -> str:
    tag = path.stem.replace("_", "-")
    try:
        parse_locale(tag, sep="-")
        known = localedata.exists(tag.replace("-", "_"))
    except ValueError:
        known = False
    if not known:
        raise ConfigError(f"the catalogue {path} is of no known language")
    return tag


def _read(path: Path, tag: str) -> Catalogue:
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
