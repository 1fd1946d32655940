"""Replies are read whole, however they are cut, and nothing strange passes for one."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.mail.smtp_replies import (
    MAX_LINE,
    GarbledReply,
    Reply,
    ReplyReader,
    hinted_wait,
    printable,
)

_TEXT = st.text(st.characters(codec="ascii", min_codepoint=33, max_codepoint=126), max_size=40)
_CODES = st.integers(200, 599)
_REPLIES = st.lists(st.tuples(_CODES, st.lists(_TEXT, min_size=1, max_size=4)), max_size=8)


def _wire(code: int, lines: list[str]) -> bytes:
    *first, last = lines
    return "".join([*(f"{code}-{line}\r\n" for line in first), f"{code} {last}\r\n"]).encode()


def _read(*packets: bytes) -> list[Reply]:
    reader = ReplyReader()
    return [reply for packet in packets for reply in reader.feed(packet)]


@given(_REPLIES, st.lists(st.integers(0, 400), max_size=10))
def test_replies_are_the_same_however_the_stream_is_cut(
    said: list[tuple[int, list[str]]], cuts: list[int]
) -> None:
    stream = b"".join(_wire(code, lines) for code, lines in said)
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    packets = [stream[a:b] for a, b in pairwise(edges)]
    expected = [Reply(code, " ".join(lines).encode()) for code, lines in said]
    assert _read(*packets) == expected


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_garbage_ends_in_replies_or_in_garbled_reply_and_keeps_little(packets: list[bytes]) -> None:
    reader = ReplyReader()
    try:
        for packet in packets:
            for reply in reader.feed(packet):
                assert 200 <= reply.code < 600
                assert reply.severity in {2, 3, 4, 5}
    except GarbledReply:
        pass
    assert len(reader._rest) <= MAX_LINE + 200


def test_a_bare_line_feed_and_a_code_alone_are_understood() -> None:
    assert _read(b"250 fine\n250\r\n") == [Reply(250, b"fine"), Reply(250, b"")]


@pytest.mark.parametrize(
    "garbage",
    [
        b"hello\r\n",
        b"25 short\r\n",
        b"2500 long\r\n",
        b"150 preliminary\r\n",
        b"650 what\r\n",
        b"250-one\r\n251 two\r\n",
        b"\r\n",
        b"250 " + b"x" * MAX_LINE + b"\r\n",
        b"x" * (MAX_LINE + 1),
        b"250-again\r\n" * 4000,
        "²50 fine\r\n".encode(),
    ],
)
def test_what_is_no_reply_is_called_garbled(garbage: bytes) -> None:
    with pytest.raises(GarbledReply):
        _read(garbage)


def test_replies_before_garbage_count() -> None:
    reader = ReplyReader()
    replies = reader.feed(b"250 taken\r\nrubbish\r\n")
    assert next(replies) == Reply(250, b"taken")
    with pytest.raises(GarbledReply):
        next(replies)


@pytest.mark.parametrize(
    ("text", "enhanced"),
    [
        (b"5.1.1 unknown", "5.1.1"),
        (b"4.7.1", "4.7.1"),
        (b"2.1.5 fine 5.1.1", "2.1.5"),
        (b"unknown 5.1.1", ""),
        (b"5.1.1234 what", ""),
        (b"3.1.1 what", ""),
        (b"5.1 what", ""),
        (b"", ""),
    ],
)
def test_the_enhanced_status_code_is_read_where_it_belongs(text: bytes, enhanced: str) -> None:
    assert Reply(550, text).enhanced == enhanced


@given(st.binary(max_size=2000))
def test_printable_text_has_no_control_character_and_is_short(text: bytes) -> None:
    shown = printable(text, "ada@example.org")
    assert len(shown) <= 200
    assert all(char.isprintable() or not char.isascii() for char in shown)


@pytest.mark.parametrize(
    "text",
    [
        "<ada.lovelace@example.org>: unknown",
        "user ada.lovelace has no mailbox",
        "mailbox ADA.LOVELACE is full",
        "ada.lovelace=40example.org unknown",
        '"ada.lovelace"@example.org',
        "mailto:ada.lovelace@example.org?x=1",
    ],
)
def test_printable_text_does_not_show_the_address(text: str) -> None:
    shown = printable(text.encode(), "ada.lovelace@example.org")
    assert "lovelace" not in shown.lower()


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"4.7.1 rate limited, try again in 90 seconds", 90.0),
        (b"4.7.0 Try again after 5 minutes.", 300.0),
        (b"slow down: wait 30s", 30.0),
        (b"4.7.1 try again later", 0.0),
        (b"4.7.1 listed in 127.0.0.1", 0.0),
    ],
)
def test_a_relay_may_say_how_long_to_wait(text: bytes, seconds: float) -> None:
    assert hinted_wait(text) == seconds
