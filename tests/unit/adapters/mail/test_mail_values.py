"""Values: what an event says, made harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.mail.values import LONGEST, device, plain, plain_facts
from dispatcher.message import Fact
from tests.builders import NOON


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ada", "Ada"), ("  Ada ", "Ada"), ("", None), (" \r\n", None), (None, None),
        ("Ada\r\nBcc: x", "Ada Bcc: x"), ("a\u2028b", "a b"), ("\u202eevil", "evil"),
        ("\u2066a\u2069", "a"), ("a\ud800b", "a\ufffdb"), ("👩‍🚀 山田", "👩‍🚀 山田"),
        ("{{ 7 }}", "{{ 7 }}"), ("x" * 101, "x" * 99 + "…"), ("x" * 100, "x" * 100),
        ("see https://evil.example", None), ("WWW.evil.example", None), ("evil.example/x", None),
        ("Dr. Ada/Bob", "Dr. Ada/Bob"), ("J.R. Tolkien", "J.R. Tolkien"),
        ("10.0.0.0/8", "10.0.0.0/8"),
    ],
)  # fmt: skip
def test_a_value_becomes_one_line_without_tricks(text: str | None, shown: str | None) -> None:
    assert plain(text) == shown


@given(st.text(st.characters(exclude_categories=()), max_size=300))
def test_a_value_is_short_and_stays_as_it_is_the_second_time(text: str) -> None:
    shown = plain(text)
    assert shown is None or len(shown) <= LONGEST
    assert shown is None or len(shown.splitlines()) == 1
    assert plain(shown) == shown


_WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
_WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_WEBKIT}"
_MAC = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) {_WEBKIT}"
_IPHONE = f"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) {_WEBKIT}"
_ANDROID = f"Mozilla/5.0 (Linux; Android 14; SM-S921B) {_WEBKIT}"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (f"{_WINDOWS} Chrome/126.0.0.0 Safari/537.36 Edg/126.0.0.0", "Edge (Windows)"),
        (f"{_WINDOWS} Chrome/126.0.0.0 Safari/537.36", "Chrome (Windows)"),
        (f"{_MAC} Version/17.5 Safari/605.1.15", "Safari (macOS)"),
        (f"{_IPHONE} CriOS/126.0 Mobile/15E148 Safari/604.1", "Chrome (iPhone)"),
        (f"{_ANDROID} SamsungBrowser/25.0 Chrome/121.0 Mobile", "Samsung Internet (Android)"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0", "Firefox (Linux)"),
        ("curl/8.5.0", "curl"),
        ("Your account is locked, call +1 555 0100", None),
        ("", None),
    ],
)
def test_a_device_is_named_in_words_of_our_own(agent: str, words: str | None) -> None:
    assert device(agent) == words


def test_facts_become_plain_values() -> None:
    facts: dict[str, Fact] = {"a": " x ", "b": True, "c": None, "at": NOON, "user_agent": None}
    assert plain_facts(facts, lambda moment: f"{moment:%H:%M}") == {
        "a": "x", "b": True, "c": None, "at": "12:00", "device": None,
    }  # fmt: skip
