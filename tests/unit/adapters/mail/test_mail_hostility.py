"""Hostile values: never another header, part, recipient or element; the text comes back."""

import email
import email.policy
from email.header import decode_header, make_header
from email.message import Message as AnyMail
from email.utils import getaddresses, parseaddr

from hypothesis import example, given
from hypothesis import strategies as st

from dispatcher.adapters.mail.locales import colon
from dispatcher.adapters.mail.values import plain
from dispatcher.events import Context
from dispatcher.message import Message
from tests.unit.adapters.mail.mails import ADDRESS, LANGUAGES, a_draft, a_renderer, read

_FRAGMENTS = st.sampled_from(
    [
        "\r\n", "\n", "\r", "\r\n\r\n", "\x00", "\x0b", "\x85", "\u2028", "\u202e", "\u2066",
        "\ud800", "\ufffe", "=?utf-8?q?=0D=0ABcc:_x?=", "=?utf-8?b?eA==?=", "?=", "=?", "{{", "}}",
        "{% raw %}", "%(name)s", "%s", "<b>", "</td>", "<!--", "-->", "&lt;", '"', "\\",
        "<x@y.example>",         ",", ";", ":", "(", ")", "--=_", "\r\n.\r\n", "From ",
        "Bcc: x@y.example", "🦊", "👩‍🚀", "山田", "é",
        "ü", "ليلى", " ", "  ", "\t", "\u00a0", "\u3000",
    ]
)  # fmt: skip
_ANY = st.characters(exclude_categories=())
HOSTILE = st.lists(st.one_of(_FRAGMENTS, st.text(_ANY, max_size=8)), max_size=12).map("".join)

_ONCE = (
    "From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type",
    "Content-Language", "Auto-Submitted", "X-Auto-Response-Suppress",
)  # fmt: skip


def _both_readings(message: Message) -> list[AnyMail]:
    return [
        email.message_from_bytes(message.content, policy=email.policy.compat32),
        email.message_from_bytes(message.content, policy=email.policy.default),
    ]


def _assert_whole(message: Message) -> None:
    content = message.content
    assert content.count(b"\r\n") == content.count(b"\n") == content.count(b"\r")
    for mail in _both_readings(message):
        assert sorted(mail.keys()) == sorted(_ONCE)
        parts = list(mail.walk())
        assert [part.get_content_type() for part in parts] == [
            "multipart/alternative",
            "text/plain",
            "text/html",
        ]
        assert not [defect for part in parts for defect in part.defects]
        assert {key for part in parts[1:] for key in part} == {
            "Content-Type",
            "Content-Transfer-Encoding",
        }
        recipients = getaddresses([str(value) for value in mail.get_all("To", [])])
        assert [address for _, address in recipients] == [message.recipient]


@given(HOSTILE)
@example("=?utf-8?q?x?=")
@example('a" <evil@example.com>, "b')
@example("Ada\r\nBcc: evil@example.com")
def test_no_name_changes_the_message_and_every_name_comes_back(name: str) -> None:
    message = a_renderer().render(a_draft(name=name))
    _assert_whole(message)
    expected = plain(name) or ""
    strict = read(message)
    [address] = strict.mail["To"].addresses
    # The strict parser makes every white space in a name a plain one, and before 3.13 it
    # leaves the folds between encoded-words; the exact name is read below.
    assert "".join(address.display_name.split()) == "".join(expected.split())
    shown, _ = parseaddr(email.message_from_bytes(message.content)["To"])
    assert str(make_header(decode_header(shown))) == expected
    greeting = f"Hello {expected}," if expected else "Hello,"
    assert strict.text.splitlines()[0] == greeting
    assert " ".join(greeting.split()) in strict.shown


@given(HOSTILE, HOSTILE, HOSTILE, HOSTILE, st.sampled_from(LANGUAGES))
def test_no_fact_changes_the_message_and_every_fact_comes_back(
    login: str, place: str, client: str, agent: str, locale: str
) -> None:
    context = Context(ip="203.0.113.1", place=place, client=client, user_agent=agent)
    message = a_renderer().render(
        a_draft(login_name=login, context=context, locale=locale, name="Ada")
    )
    _assert_whole(message)
    seen = read(message)
    for value in (plain(login), plain(place), plain(client)):
        if value is not None:
            assert f"{colon(locale)}{value}\n" in seen.text
            assert " ".join(value.split()) in seen.shown
    assert not {"b", "x@y.example", "script"} & set(seen.tags)


@given(HOSTILE)
def test_no_locale_changes_the_message(locale: str) -> None:
    _assert_whole(a_renderer().render(a_draft(locale=locale)))


@given(HOSTILE)
def test_no_value_can_guess_the_boundary_or_bring_one(name: str) -> None:
    message = a_renderer().render(a_draft(name=f"--=_{name}", login_name=f"--=_{name}--"))
    _assert_whole(message)
    assert message.content.count(f"--=_{message.id[1:33]}".encode()) == 3
    assert message.recipient == ADDRESS
