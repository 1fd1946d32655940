"""What programs read in a mail: exactly the headers and parts meant, on every policy."""

import email
import email.policy
import re
from datetime import UTC
from email.message import EmailMessage
from email.message import Message as AnyMail
from email.utils import parsedate_to_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import RenderError
from dispatcher.message import Message
from tests.builders import StandingClock
from tests.unit.adapters.mail.machines import CONTENTS, every_mail
from tests.unit.adapters.mail.mails import a_draft, a_renderer
from tests.unit.adapters.mail.test_mail_hostility import HOSTILE

HEADERS = [
    "From", "Reply-To", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version", "Date",
    "Message-ID", "To", "Subject", "Content-Language", "Content-Type",
]  # fmt: skip
UNWANTED = ("List-Unsubscribe", "List-Unsubscribe-Post", "Precedence", "Bcc", "Cc", "Sender")
POLICIES = (email.policy.compat32, email.policy.default)

in_each_content = pytest.mark.parametrize("content", CONTENTS)


def strictly(message: Message) -> EmailMessage:
    return email.message_from_bytes(message.content, policy=email.policy.default)


@in_each_content
def test_every_mail_has_the_headers_and_parts_that_are_meant_and_no_other(content: str) -> None:
    for name, message in every_mail(content):
        for policy in POLICIES:
            mail: AnyMail = email.message_from_bytes(message.content, policy=policy)
            assert mail.keys() == HEADERS, name
            assert not any(unwanted in mail for unwanted in UNWANTED), name
            parts = list(mail.walk())
            types = [part.get_content_type() for part in parts]
            assert types == ["multipart/alternative", "text/plain", "text/html"], name
            assert not [defect for part in parts for defect in part.defects], name
            assert [part.keys() for part in parts[1:]] == [
                ["Content-Type", "Content-Transfer-Encoding"]
            ] * 2, name


@in_each_content
def test_every_mail_fits_the_lines_and_characters_that_any_relay_takes(content: str) -> None:
    for name, message in every_mail(content):
        assert message.content.isascii(), name
        assert b"\0" not in message.content, name
        assert message.content.count(b"\r\n") == message.content.count(b"\n"), name
        head, _, body = message.content.partition(b"\r\n\r\n")
        assert max(map(len, body.split(b"\r\n"))) <= 998, name  # RFC 5322 section 2.1.1
        assert max(map(len, head.split(b"\r\n"))) <= 78, name
        assert not message.smtputf8, name


def test_every_mail_says_that_no_person_wrote_it_and_asks_for_no_answer_of_a_program() -> None:
    for name, message in every_mail():
        mail = strictly(message)
        assert mail["Auto-Submitted"] == "auto-generated", name  # RFC 3834 section 5
        assert mail["X-Auto-Response-Suppress"] == "All", name


def test_every_mail_comes_from_the_envelopes_domain_and_has_its_message_id_there() -> None:
    seen = set()
    for name, message in every_mail():
        mail = strictly(message)
        [sender] = mail["From"].addresses
        assert sender.addr_spec == message.sender == "no-reply@acme.example", name
        assert re.fullmatch(r"<[a-z0-9]{20,64}@acme\.example>", str(mail["Message-ID"])), name
        assert mail["Message-ID"] == message.id, name
        [to] = mail["To"].addresses
        assert to.addr_spec == message.recipient, name
        seen.add(message.id)
    assert len(seen) == len(every_mail())


def test_every_mail_is_dated_in_utc_and_names_its_language() -> None:
    for name, message in every_mail():
        mail = strictly(message)
        written = parsedate_to_datetime(str(mail["Date"]))
        assert written == StandingClock().now().replace(microsecond=0), name
        assert written.tzinfo == UTC, name
        assert mail["Content-Language"] == name.split()[-1], name


@in_each_content
def test_both_parts_of_every_mail_come_back_as_they_were_written(content: str) -> None:
    for name, message in every_mail(content):
        mail = strictly(message)
        text, html = (part.get_content() for part in mail.iter_parts())
        assert "\ufffd" not in text + html, name
        assert f'lang="{mail["Content-Language"]}"' in html, name
        assert "-- \n" in text.replace("\r\n", "\n"), name  # RFC 3676 section 4.3
        for part in mail.iter_parts():
            assert part.get_content_charset() == "utf-8", name


@given(HOSTILE | st.emails().map(str) | st.from_regex(r"[^@]{1,8}@[^@]{1,8}"))
def test_any_address_is_exactly_one_recipient_or_refused(address: str) -> None:
    try:
        message = a_renderer().render(a_draft(address=address))
    except RenderError:
        return
    assert re.search(r"[\s<>,;:\"()\[\]\\\x00-\x1f\x7f]", message.recipient) is None
    for policy in POLICIES:
        mail: AnyMail = email.message_from_bytes(message.content, policy=policy)
        assert len(mail.keys()) == len(HEADERS) - 1  # no Reply-To without a contact
    if not message.smtputf8:
        [to] = strictly(message)["To"].addresses
        assert to.addr_spec == message.recipient


def test_an_international_address_asks_for_smtputf8_only_for_its_local_part() -> None:
    both = a_renderer().render(a_draft(address="пользователь@пример.рф"))
    domain = a_renderer().render(a_draft(address="user@пример.рф"))
    assert (both.smtputf8, domain.smtputf8) == (True, False)
    assert domain.recipient == "user@xn--e1afmkfd.xn--p1ai"
    assert both.recipient == "пользователь@xn--e1afmkfd.xn--p1ai"
    utf8 = email.message_from_bytes(both.content, policy=email.policy.SMTPUTF8)
    assert both.recipient in both.content.decode()
    assert len(utf8.keys()) == len(HEADERS) - 1


def test_with_a_bounce_address_only_the_envelope_has_the_postmark() -> None:
    renderer = a_renderer(bounce_address="bounces@acme.example")
    message = renderer.render(a_draft())
    mark = message.id[1 : message.id.index("@")]
    assert message.sender == f"bounces+{mark}@acme.example"
    [sender] = strictly(message)["From"].addresses
    assert sender.addr_spec == "no-reply@acme.example"
