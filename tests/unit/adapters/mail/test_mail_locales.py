"""Languages: which is chosen, and how it spells a moment."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.mail.locales import Languages

_LANGUAGES = Languages(["de", "ar", "pt", "pt-BR", "zh", "zh-TW", "he", "id"], "de")
_MOMENT = datetime(2026, 3, 14, 15, 9, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("de", "de"), ("DE", "de"), ("de-AT", "de"), ("de_AT", "de"), ("de-Latn-AT-1996", "de"),
        ("de_DE.UTF-8@euro", "de"), ("de-u-co-phonebk", "de"), ("de-x-acme", "de"),
        ("pt-br", "pt-BR"), ("pt-PT", "pt"), ("zh-Hant-TW", "zh-TW"), ("zh-TW", "zh-TW"),
        ("zh-Hans", "zh"), ("iw", "he"), ("in-ID", "id"), ("en-GB", "en"), ("ar-EG", "ar"),
        (None, "de"), ("", "de"), ("tlh", "de"), ("*", "de"), ("d", "de"), ("../../etc", "de"),
        ("de-" + "a" * 40, "de"), ("e\u0301n", "de"), ("en\n", "de"), ("x-de", "de"),
    ],
)  # fmt: skip
def test_the_closest_language_is_chosen(tag: str | None, language: str) -> None:
    assert _LANGUAGES.choose(tag).language == language


@pytest.mark.parametrize("default", ["tlh", "", "?"])
def test_an_unknown_default_means_english(default: str) -> None:
    assert Languages(["de"], default).choose("fr").language == "en"


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_any_tag_means_some_language_and_a_date_can_be_spelled(tag: str) -> None:
    assert "2026" in _LANGUAGES.choose(tag).spell(_MOMENT)


@pytest.mark.parametrize(
    ("tag", "spelled"),
    [
        ("en", "March 14, 2026, 3:09 PM UTC"),
        ("en-GB", "14 March 2026, 15:09 UTC"),
        ("en-XX", "March 14, 2026, 3:09 PM UTC"),
        ("de", "14. März 2026, 15:09 UTC"),
        ("tlh", "14. März 2026, 15:09 UTC"),
    ],
)
def test_a_moment_is_spelled_as_the_readers_region_does(tag: str, spelled: str) -> None:
    assert _LANGUAGES.choose(tag).spell(_MOMENT) == spelled
