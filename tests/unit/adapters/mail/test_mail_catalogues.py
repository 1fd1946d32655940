"""Catalogues: whole, and unable to break a text."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from dispatcher.adapters.mail.catalogues import read_catalogues
from dispatcher.adapters.mail.templates import default_folder
from dispatcher.errors import ConfigError
from tests.unit.adapters.mail.mails import see

_METHODS = [("**.txt", "jinja2"), ("**.html", "jinja2")]
_PLACEHOLDER = re.compile(r"%\(\w+\)s")


def _texts(*functions: str) -> set[str]:
    found = extract_from_dir(
        str(default_folder()),
        method_map=_METHODS,
        options_map={},
        directory_filter=lambda _: True,  # by default Babel passes over _layout
    )
    return {
        entry[2] if isinstance(entry[2], str) else entry[2][1]
        for entry in found
        if isinstance(entry[2], str) == ("_" in functions)
    }


def test_every_catalogue_has_every_text_and_no_other() -> None:
    texts = _texts("_")
    assert "Your password was changed" in texts
    for catalogue in read_catalogues([default_folder()]).values():
        if catalogue.language != "en":
            assert set(catalogue.texts) == texts, catalogue.language
            assert set(catalogue.plurals) == _texts("ngettext"), catalogue.language


def test_every_translation_keeps_its_placeholders() -> None:
    for catalogue in read_catalogues([default_folder()]).values():
        for text, translated in catalogue.texts.items():
            assert _PLACEHOLDER.findall(text) == _PLACEHOLDER.findall(translated)


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
        read_catalogues([tmp_path])


def test_a_catalogue_of_no_known_language_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "nonsense_tag.po").write_text("")
    with pytest.raises(ConfigError, match="nonsense"):
        read_catalogues([tmp_path])


def test_what_is_fuzzy_or_missing_stays_english(tmp_path: Path) -> None:
    (tmp_path / "locale").mkdir()
    (tmp_path / "locale" / "fr.po").write_text('#, fuzzy\nmsgid "Hello,"\nmsgstr "Adieu,"\n')
    assert read_catalogues([tmp_path])["fr"].gettext("Hello,") == "Hello,"


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
    ],
)
def test_a_storms_follow_up_says_how_many_in_each_languages_plural_forms(
    language: str, number: str, said: str
) -> None:
    mail = see(locale=language, changes=number)
    for text in (mail.text, mail.shown):
        assert said in " ".join(text.split())
    assert said not in see(locale=language).text
