"""Addresses: exactly one, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.mail.addresses import parse_address, parse_mailbox
from dispatcher.errors import RenderError


@pytest.mark.parametrize(
    "text",
    [
        "ada@example.org",
        "a@b",
        "a.b+c_d-e@sub.example.org",
        "!#$%&'*+/=?^_`{|}~-@example.org".replace("=?", "="),
        "x" * 64 + "@example.org",
        "a@" + ".".join(["y" * 63] * 3),
    ],
)
def test_an_ordinary_address_stays_as_it_is(text: str) -> None:
    address = parse_address(text)
    assert address.spec == text
    assert text.endswith(f"@{address.domain}")
    assert not address.smtputf8


@pytest.mark.parametrize(
    "text",
    [
        "", "@", "ada", "ada@", "@example.org", "a@b@c", "a b@example.org", "a@exa mple.org",
        "ada@example.org\r\nBcc: x@y.example", "ada@example.org\n", "\tada@example.org",
        "ada@example.org, eve@example.org", "ada@example.org;eve@example.org",
        "Ada <ada@example.org>", "<ada@example.org>", '"a b"@example.org', '"a\\"b"@example.org',
        ".a@example.org", "a.@example.org", "a..b@example.org", "a@-x.example", "a@x-.example",
        "a@example..org", "a@example.org.", "a@[127.0.0.1]", "a@exam_ple.org", "(x)a@example.org",
        "=?utf-8?q?a?=@example.org", "=?x?q?=41=42?=foo@example.org", "a@=?utf-8?q?b?=",
        "x" * 65 + "@example.org", "a@" + ".".join(["y" * 63] * 4), "a@" + "y" * 64,
        "a\x00@example.org", "a\x7f@example.org", "é\r\n@example.org", "é é@example.org",
        "é@example.org, b@example.org", "a@b\u2028.example",
        "\u202ea@example.org", "\ud800@example.org",
    ],
)  # fmt: skip
def test_anything_but_one_plain_address_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(RenderError) as caught:
        parse_address(text)
    assert len(text) < 4 or text not in str(caught.value)


@given(st.text(st.characters(exclude_categories=()), max_size=80))
def test_whatever_passes_is_one_line_with_one_at_sign(text: str) -> None:
    for candidate in (text, f"{text}@example.org", f"a@{text}"):
        try:
            address = parse_address(candidate)
        except RenderError:
            continue
        assert address.spec.count("@") == 1
        assert address.spec.isprintable()
        assert not set(address.spec) & set(' ,;:<>()[]"\\')
        assert address.domain.isascii()
        assert address.smtputf8 is not address.spec.isascii()


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Acme Security <a@b.example>", "Acme Security"),
        ('"Acme, Inc." <a@b.example>', "Acme, Inc."),
        ("  a@b.example ", ""),
        ("<a@b.example>", ""),
        ("Ämter & Co <a@b.example>", "Ämter & Co"),
    ],
)
def test_a_sender_is_a_name_and_an_address_or_an_address(text: str, name: str) -> None:
    mailbox = parse_mailbox(text)
    assert (mailbox.name, mailbox.address.spec) == (name, "a@b.example")
