"""Headers: one line's worth of meaning, whatever goes in."""

from datetime import UTC, datetime
from email import message_from_string
from email.header import decode_header, make_header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.mail.addresses import parse_address
from dispatcher.adapters.mail.headers import date, encoded_words, mailbox, unstructured
from dispatcher.errors import RenderError

_ANY = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=120
).map(str.strip)
_PRINTABLE = _ANY.filter(bool)


def _decoded(header: str) -> str:
    return str(make_header(decode_header(message_from_string(header + "\r\n")["X"])))


@given(_PRINTABLE)
def test_every_text_comes_back_from_lines_that_are_short_enough(text: str) -> None:
    header = unstructured("X", text)
    assert _decoded(header) == text
    assert all(len(line) <= 76 for line in header.split("\r\n"))
    assert header.isascii()
    assert all(line.startswith(" ") for line in header.split("\r\n")[1:-1])


@given(_PRINTABLE)
def test_no_character_is_split_between_two_words(text: str) -> None:
    for word in encoded_words(text).split("\r\n "):
        assert str(make_header(decode_header(word)))
        assert len(word) <= 75


@pytest.mark.parametrize("text", ["a\r\nB: c", "a\nb", "\x00", "a\x7f", "\x85", "\u2028", "\ud800"])
def test_a_control_character_is_refused(text: str) -> None:
    with pytest.raises(RenderError):
        unstructured("X", text)
    with pytest.raises(RenderError):
        mailbox("To", text, parse_address("a@b.example"))


def test_plain_text_is_left_readable() -> None:
    assert unstructured("Subject", "Your password was changed") == (
        "Subject: Your password was changed\r\n"
    )
    assert unstructured("Subject", "Ihr Passwort wurde geändert") == (
        "Subject: =?utf-8?q?Ihr_Passwort_wurde_ge=C3=A4ndert?=\r\n"
    )


def test_a_long_mailbox_is_folded_before_its_address() -> None:
    address = parse_address("a" * 60 + "@example.org")
    assert mailbox("To", "Ada Lovelace", address) == f'To: "Ada Lovelace"\r\n <{address.spec}>\r\n'


def test_a_quote_and_a_backslash_are_escaped() -> None:
    assert mailbox("To", 'A "\\" B', parse_address("a@b")) == 'To: "A \\"\\\\\\" B" <a@b>\r\n'


def test_the_date_is_in_utc() -> None:
    moment = datetime(2026, 3, 1, 9, 5, 7, 999, tzinfo=UTC)
    assert date(moment) == "Sun, 01 Mar 2026 09:05:07 +0000"
