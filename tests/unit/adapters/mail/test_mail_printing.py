"""Printing: what is the same in every message stands there before the first is rendered."""

from pathlib import Path

import pytest

from dispatcher.adapters.mail.catalogues import Catalogue
from dispatcher.adapters.mail.editions import Editions
from dispatcher.adapters.mail.printing import CONSTANTS
from dispatcher.adapters.mail.templates import Edition, Sources, default_folder
from dispatcher.errors import ConfigError

_TEXTS = {"Hello,": "Grüß <Gott>,", "Hi %(name)s": "Servus %(name)s & Co", "long": "wort " * 40}


def _edition(folder: Path, source: str) -> Edition:
    """Return a kind of mail whose text and HTML are both this source."""
    (folder / "farewell").mkdir()
    for name in ("subject.txt", "body.txt", "body.html"):
        (folder / "farewell" / name).write_text("Bye" if name == "subject.txt" else source)
    (folder / "_layout").mkdir()
    for layout in ("layout.txt", "layout.html"):
        (folder / "_layout" / layout).write_text("{# content #}")
    catalogues = {"en": Catalogue("en"), "de": Catalogue("de", _TEXTS, rtl=True)}
    sources = Sources([folder, default_folder()])
    constants = {"contact": "<b>0800</b>", "contact_link": ""}
    edition = Editions(sources, catalogues, constants).get("farewell", "de")
    assert edition is not None
    return edition


@pytest.mark.parametrize(
    ("source", "text", "html"),
    [
        ('{{ _("Hello,") }}', "Grüß <Gott>,", "Gr&#252;&#223; &lt;Gott&gt;,"),
        ('{{- _("Hello,") -}}', "Grüß <Gott>,", "Gr&#252;&#223; &lt;Gott&gt;,"),
        ('{{ _("Hi %(name)s") % {"name": name} }}', "Servus <i> & Co", "Servus &lt;i&gt; &amp; Co"),
        ('{{ _("Hi %(name)s") % {"name": "x"} }}', "Servus x & Co", "Servus x &amp; Co"),
        ('{{ _("Hi %(name)s") % {"n": 1, "name": name} }}', "Servus <i> & Co", "Servus &lt;i&gt;"),
        ('{{ _("Hello,")|length }}', "12", "28"),
        ('{{ _("Hello,")|upper }}', "GRÜSS <GOTT>,", "GR&#252;"),
        ('{% if _("Hello,") == "Hello," %}a{% else %}b{% endif %}', "b", "b"),
        ('{% set x = _("Hello,") %}{{ x }}', "Grüß <Gott>,", "Gr&#252;&#223; &lt;Gott&gt;,"),
        ('{% filter upper %}{{ _("Hello,") }}{% endfilter %}', "GRÜSS <GOTT>,", "GR&#252;"),
        ("{{ lang }}/{{ dir }}/{{ start }}/{{ contact }}", "de/rtl/right/<b>0800</b>", "de/rtl/"),
        ('{% if dir == "rtl" %}{{ contact|length }}{% endif %}', "11", "11"),
        ('{{ _("no such text") }}', "no such text", "no such text"),
        ('{% macro m() %}{{ _("Hello,") }}{% endmacro %}{{ m() }}', "Grüß <Gott>,", "Gr&#252;"),
    ],
)
def test_texts_and_constants_are_the_languages_wherever_they_stand(
    tmp_path: Path, source: str, text: str, html: str
) -> None:
    parts = _edition(tmp_path, source).render({"name": "<i>"})
    assert parts.text == text
    assert parts.html.replace("<html><head></head><body>", "").startswith(html)


def test_a_long_text_is_wrapped_after_it_was_translated(tmp_path: Path) -> None:
    lines = _edition(tmp_path, '{{ _("long")|wrap }}').render({}).text.splitlines()
    assert [len(line) for line in lines] == [69, 69, 59]


@pytest.mark.parametrize("source", ["{{ _(name) }}", '{{ _("a" ~ "b") }}', "{{ _() }}", "{{ _( }}"])
def test_a_text_that_is_not_written_out_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(ConfigError, match=r"farewell/body\.txt, line 1"):
        _edition(tmp_path, source)


def test_a_template_cannot_leave_a_gap_of_its_own(tmp_path: Path) -> None:
    assert _edition(tmp_path, "\0" + "0061" + "\0").render({}).text == "\ufffd0061\ufffd"


def test_only_names_that_every_language_knows_are_constants() -> None:
    assert {"lang", "dir", "start", "colon", "contact", "contact_link"} == CONSTANTS


def test_a_language_is_compiled_no_more_and_printed_when_it_is_asked_for() -> None:
    asked: list[str] = []

    class Noted(dict[str, Catalogue]):
        def __getitem__(self, language: str) -> Catalogue:
            asked.append(language)
            return super().__getitem__(language)

    catalogues = Noted(en=Catalogue("en"), de=Catalogue("de"), fr=Catalogue("fr"))
    constants = {"contact": "", "contact_link": ""}
    editions = Editions(Sources([default_folder()]), catalogues, constants)
    assert set(asked) == {"en"}
    assert editions.get("no_such_mail", "de") is None
    assert editions.get("password_change", "de") is editions.get("password_change", "de")
    assert set(asked) == {"en", "de"}
