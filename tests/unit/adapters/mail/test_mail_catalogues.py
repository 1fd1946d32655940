"""Catalogues: whole, and unable to break a text."""

import re
from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir

from dispatcher.adapters.mail.catalogues import read_catalogues
from dispatcher.adapters.mail.templates import default_folder
from dispatcher.errors import ConfigError

_METHODS = [("**.txt", "jinja2"), ("**.html", "jinja2")]
_PLACEHOLDER = re.compile(r"%\(\w+\)s")


def _texts() -> set[str]:
    found = extract_from_dir(
        str(default_folder()),
        method_map=_METHODS,
        options_map={},
        directory_filter=lambda _: True,  # by default Babel passes over _layout
    )
    return {str(entry[2]) for entry in found}


def test_every_catalogue_has_every_text_and_no_other() -> None:
    texts = _texts()
    assert "Your password was changed" in texts
    for catalogue in read_catalogues([default_folder()]).values():
        if catalogue.language != "en":
            assert set(catalogue.texts) == texts, catalogue.language


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
        'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "x"\nmsgstr[1] "y"',
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
