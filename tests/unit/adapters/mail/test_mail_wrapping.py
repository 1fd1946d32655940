"""Wrapping: paragraphs fit a mail's lines, in any script, and lose no word."""

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.mail.wrapping import WIDTH, wrap

_JAPANESE = (
    "このメッセージは、所属する組織がアカウントの変更をメンバーにお知らせするために自動送信されたものです。"
    "パスワードをお尋ねすることは決してありません。"
)


def test_words_are_kept_whole_and_lines_short() -> None:
    lines = wrap("word " * 40).split("\n")
    assert [len(line) for line in lines] == [69, 69, 59]
    assert wrap("short") == "short"
    assert wrap("") == ""


def test_a_word_longer_than_a_line_stands_alone() -> None:
    assert wrap(f"see {'x' * 90} there") == f"see\n{'x' * 90}\nthere"


def test_japanese_breaks_between_characters_but_never_before_what_closes() -> None:
    lines = wrap(_JAPANESE).split("\n")
    assert "".join(lines) == _JAPANESE
    assert all(len(line) <= WIDTH // 2 for line in lines)
    assert not any(line[0] in "、。ー」ょっ" for line in lines)
    assert wrap("あ" * 35 + "「い」う") == "あ" * 35 + "\n「い」う"
    assert wrap("あ" * 36 + "。い") == "あ" * 35 + "\nあ。い"


def test_marks_that_take_no_column_are_not_counted() -> None:
    assert wrap("e\u0301" * WIDTH) == "e\u0301" * WIDTH
    assert "\n" in wrap("한국어 " * 12)


@given(st.text(st.sampled_from("ab cあ「」。한\u0301 "), max_size=300))
def test_nothing_is_lost_but_spaces_at_the_breaks(text: str) -> None:
    lines = wrap(text).split("\n")
    assert "".join("".join(lines).split(" ")) == "".join(text.split(" "))
    assert all(line == line.strip(" ") for line in lines[1:])
