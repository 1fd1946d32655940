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


_SHIPPED = Languages(["de", "pt", "pt-BR", "zh", "zh-Hant", "he", "sv"])


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("zh-TW", "zh-Hant"), ("zh_HK", "zh-Hant"), ("zh-MO", "zh-Hant"), ("zh-Hant", "zh-Hant"),
        ("zh-Hant-HK", "zh-Hant"), ("yue", "zh-Hant"), ("zh-Hans-TW", "zh"), ("zh-Hans-HK", "zh"),
        ("zh-CN", "zh"), ("zh-SG", "zh"), ("cmn-CN", "zh"), ("zh", "zh"),
        ("pt-BR", "pt-BR"), ("pt", "pt"), ("pt-AO", "pt"), ("iw-IL", "he"),
        ("no", "en"), ("nb-NO", "en"), ("nn", "en"), ("da", "en"),
    ],
)  # fmt: skip
def test_a_neighbouring_language_is_no_answer_but_another_name_of_it_is(
    tag: str, language: str
) -> None:
    assert _SHIPPED.choose(tag).language == language


def test_a_catalogue_for_norwegian_serves_both_of_its_forms() -> None:
    for name in ("no", "nb"):
        languages = Languages([name])
        assert {languages.choose(tag).language for tag in ("no", "nb", "nn-NO")} == {name}


@pytest.mark.parametrize(
    ("tag", "organization", "language"),
    [
        ("ar", "pt", "ar"), ("tlh", "pt", "pt"), (None, "pt-BR", "pt-BR"), ("", "zh-TW", "zh-TW"),
        ("tlh", "tlh", "de"), (None, "", "de"), ("x" * 40, "?", "de"),
    ],
)  # fmt: skip
def test_an_organizations_default_comes_before_the_instances(
    tag: str | None, organization: str, language: str
) -> None:
    assert _LANGUAGES.choose(tag, organization).language == language


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
