"""Catalogues: whole, and unable to break a text."""

import itertools
import re
import shutil
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel import Locale

from dispatcher.adapters.mail.catalogues import Catalogue, find_catalogues
from dispatcher.adapters.mail.templates import default_folder
from dispatcher.errors import ConfigError
from tests.messages import extracted, update_messages
from tests.unit.adapters.mail.mails import see

_PLACEHOLDER = re.compile(r"%\(\w+\)s")


def _texts(*, plural: bool = False) -> set[str]:
    """Return the templates' English texts: those of one, or of many."""
    ids = [message.id for message in extracted(default_folder()) if message.id]
    if plural:
        return {one[1] for one in ids if not isinstance(one, str)}
    return {one for one in ids if isinstance(one, str)}


CATALOGUES = [
    catalogue
    for tag, catalogue in sorted(find_catalogues([default_folder()]).items())
    if tag != "en"
]
in_each = pytest.mark.parametrize("catalogue", CATALOGUES, ids=lambda each: each.language)


def _translations(catalogue: Catalogue) -> Iterator[tuple[str, str]]:
    """Yield each English text with each of its translations."""
    yield from catalogue.texts.items()
    for text, forms in catalogue.plurals.items():
        yield from ((text, form) for form in forms)


_EXPECTED = (
    "ar", "bg", "cs", "de", "en", "es", "fa", "fr", "he", "hu", "id", "it", "ja", "ko", "mk",
    "nl", "pl", "pt", "ro", "ru", "sv", "tr", "uk", "zh",
)  # fmt: skip


@pytest.mark.parametrize("language", _EXPECTED)
def test_what_iam_systems_speak_we_speak_too(language: str) -> None:
    assert language in find_catalogues([default_folder()])


@in_each
def test_every_catalogue_has_every_text_and_no_other(catalogue: Catalogue) -> None:
    texts = _texts()
    assert "Your password was changed" in texts
    assert set(catalogue.texts) == texts
    assert set(catalogue.plurals) == _texts(plural=True)


@in_each
def test_every_translation_keeps_its_placeholders(catalogue: Catalogue) -> None:
    for text, translated in catalogue.texts.items():
        assert sorted(_PLACEHOLDER.findall(text)) == sorted(_PLACEHOLDER.findall(translated))
    for text, forms in catalogue.plurals.items():
        numbers = Counter(catalogue.form(number) for number in range(1, 200))
        for form, translated in enumerate(forms):
            if numbers[form] > 1:  # else the words themselves say the one number
                assert _PLACEHOLDER.findall(text) == _PLACEHOLDER.findall(translated)


@in_each
def test_numbers_take_the_plural_forms_that_unicode_gives_the_language(
    catalogue: Catalogue,
) -> None:
    rule = Locale.parse(catalogue.language, sep="-").plural_form
    pairs = {(catalogue.form(number), rule(number)) for number in range(1, 1000)}
    assert len(pairs) == len({form for form, _ in pairs}) == len({name for _, name in pairs})
    for forms in catalogue.plurals.values():
        assert {form for form, _ in pairs} <= set(range(len(forms)))


@in_each
def test_subjects_fit_a_phones_list_of_mails(catalogue: Catalogue) -> None:
    subjects = [
        text
        for path in default_folder().glob("*/subject.txt")
        for text in re.findall(r'_\("([^"]+)"\)', path.read_text(encoding="utf-8"))
    ]
    assert len(subjects) >= 4
    for subject in subjects:
        assert len(catalogue.gettext(subject)) <= 70


@in_each
def test_no_english_is_left_in_a_translation(catalogue: Catalogue) -> None:
    for text, translated in _translations(catalogue):
        words = re.findall(r"[a-z]{2,}", text.lower())
        pairs = {f"{one} {two}" for one, two in itertools.pairwise(words)}
        assert not [pair for pair in pairs if pair in translated.lower()], translated
        if len(words) > 1:
            assert translated != text


@in_each
def test_translations_are_spelled_with_care(catalogue: Catalogue) -> None:
    for text, translated in _translations(catalogue):
        assert translated == unicodedata.normalize("NFC", translated).strip()
        assert "  " not in translated
        if catalogue.language in {"ja", "zh", "zh-Hant"}:
            assert not set(_PLACEHOLDER.sub("", translated)) & set(",;:!?()"), translated
        if text.endswith(("?", ".", ":")) and catalogue.language not in {"ja", "ko"}:
            closing = {"?": "?؟\uff1f", ".": ".。", ":": ":\uff1a"}[text[-1]]
            assert translated[-1] in closing, translated


def test_the_files_are_as_make_messages_writes_them(tmp_path: Path) -> None:
    copy = tmp_path / "templates"
    shutil.copytree(default_folder(), copy)
    update_messages(copy)
    for path in sorted((default_folder() / "locale").glob("*.po")):
        written = (copy / "locale" / path.name).read_text(encoding="utf-8")
        assert written == path.read_text(encoding="utf-8"), f"{path.name}: run make messages"


@pytest.mark.parametrize(
    "entry",
    [
        'msgid "Hello %(name)s,"\nmsgstr "Hallo %(nmae)s,"',
        'msgid "Hello %(name)s,"\nmsgstr "Hallo %(name)s, 100 %"',
        'msgid "Hello %(name)s,"\nmsgstr "Hallo %(name)d,"',
        'msgid "Hello,"\nmsgstr "Hallo,\\nBcc: x"',
        'msgid "Hello,"\nmsgstr "Hallo \\r"',
        'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "x"\nmsgstr[1] ""',
        'msgid "a"\nmsgid_plural "%(n)s b"\nmsgstr[0] "x"\nmsgstr[1] "%(m)s y"',
        'msgid "Hello,"\nnonsense',
    ],
)
def test_a_translation_that_would_break_its_text_stops_the_start(
    tmp_path: Path, entry: str
) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "de.po").write_text(entry + "\n")
    with pytest.raises(ConfigError, match=r"de\.po"):
        find_catalogues([tmp_path, default_folder()])


def test_a_catalogue_of_no_known_language_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "nonsense_tag.po").write_text("")
    with pytest.raises(ConfigError, match="nonsense"):
        find_catalogues([tmp_path, default_folder()])


def test_what_is_fuzzy_or_missing_stays_english(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "da.po").write_text('#, fuzzy\nmsgid "Hello,"\nmsgstr "Adieu,"\n')
    assert find_catalogues([tmp_path, default_folder()])["da"].gettext("Hello,") == "Hello,"


@pytest.mark.parametrize(
    ("language", "number", "said"),
    [
        ("en", "1", "once more"),
        ("en", "7", "7 more times"),
        ("de", "1", "noch einmal"),
        ("de", "7", "noch 7-mal"),
        ("ar", "1", "مرة أخرى"),
        ("ar", "2", "مرتين"),
        ("ar", "5", "5 مرات"),
        ("ar", "17", "17 مرة"),
        ("ar", "103", "103 مرات"),
        ("cs", "3", "3krát"),
        ("he", "2", "פעמיים"),
        ("pl", "5", "5 razy"),
        ("ro", "20", "20 de ori"),
        ("ru", "21", "21 раз."),
        ("ru", "22", "22 раза"),
        ("uk", "25", "25 разів"),
        ("ja", "1", "さらに 1 回"),
    ],
)
def test_a_storms_follow_up_says_how_many_in_each_languages_plural_forms(
    language: str, number: str, said: str
) -> None:
    mail = see(locale=language, changes=number)
    for text in (mail.text, mail.shown):
        assert said in " ".join(text.split())
    assert said not in see(locale=language).text
