"""The look: readable in light and dark, well-formed, nothing that mail programs trip over."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser

import pytest
from css_inline import CSSInliner

from dispatcher.events import ActorKind, Change
from tests.unit.adapters.mail.mails import LANGUAGES, see

_VOID = {"meta", "br", "img", "hr", "link", "input"}
_DARK = re.compile(r"@media \(prefers-color-scheme: dark\) \{(.*?)\n\}", re.DOTALL)
_LEAST_CONTRAST = 4.5  # WCAG 2.2, 1.4.3


class _Painter(HTMLParser):
    """Follows colours down the document, and remembers every text with its own."""

    def __init__(self) -> None:
        super().__init__()
        self.stack: list[tuple[str, str, str]] = [("", "#000000", "#ffffff")]
        self.painted: list[tuple[str, str, str]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _VOID:
            return
        _, colour, background = self.stack[-1]
        for declaration in (dict(attrs).get("style") or "").split(";"):
            name, _, value = declaration.partition(":")
            value = value.replace("!important", "").strip()
            colour = value if name.strip() == "color" else colour
            background = value if name.strip() == "background" else background
        self.stack.append((tag, colour, background))

    def handle_endtag(self, tag: str) -> None:
        opened, _, _ = self.stack.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"

    def handle_data(self, data: str) -> None:
        tag, colour, background = self.stack[-1]
        if data.strip() and tag not in {"style", "title"}:
            self.painted.append((data.strip(), colour, background))


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = digits if len(digits) == 6 else "".join(digit * 2 for digit in digits)
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _painted(html: str) -> Iterator[tuple[str, str, str]]:
    painter = _Painter()
    painter.feed(html)
    painter.close()
    assert len(painter.stack) == 1, "an element is never closed"
    return iter(painter.painted)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("change", list(Change))
def test_every_text_stands_out_from_its_background(change: Change, *, dark: bool) -> None:
    html = see(change=change, actor=ActorKind.ADMIN).html
    if dark:
        rules = _DARK.search(html)
        assert rules is not None
        html = CSSInliner(extra_css=rules[1], inline_style_tags=False).inline(html)
    texts = list(_painted(html))
    assert len(texts) > 20
    for text, colour, background in texts:
        assert _contrast(colour, background) >= _LEAST_CONTRAST, (text, colour, background)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_document_is_well_formed_and_says_its_language(language: str) -> None:
    html = see(locale=language).html
    assert list(_painted(html))
    assert html.lower().startswith("<!doctype html>")
    assert f'<html lang="{language}"' in html
    # Some programs keep of <html> and <body> nothing but what is in them.
    assert re.search(rf'<table [^>]*lang="{language}" dir="(ltr|rtl)"', html)
    assert '<meta name="color-scheme" content="light dark">' in html
    assert html.count("<h1") == 1
    assert html.index("<h1") < html.index("<h2")


def test_only_layout_tables_are_presentation_and_rows_have_headings() -> None:
    html = see().html
    tables = re.findall(r"<table[^>]*>", html)
    assert [table for table in tables if "presentation" not in table] == [
        table for table in tables if "details" in table
    ]
    assert html.count('<th scope="row"') == 8


def test_no_statement_or_stylesheet_marker_is_left() -> None:
    html = see().html
    for left in ("{#", "#}", "data-css-inline", "<!-- ", "/*"):
        assert left not in html
