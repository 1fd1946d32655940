"""The demo's own judgement: it says yes to what is right, and finds what is not."""

from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from dispatcher.cli.demo_examples import Example, Expectation, expand
from dispatcher.cli.demo_mails import Mail, mistakes
from dispatcher.cli.demo_verdicts import Verdict, checks, fates, verdicts
from dispatcher.delivery import Delivery, State, Totals

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)

CONTENT = b"""\
From: a@dispatcher.example\r
To: ada@acme.example\r
Subject: Your password was changed\r
Message-ID: <evt-1@dispatcher.example>\r
Date: Tue, 24 Nov 2026 12:00:00 +0000\r
Content-Language: en\r
MIME-Version: 1.0\r
Content-Type: multipart/alternative; boundary=x\r
\r
--x\r
Content-Type: text/plain; charset=utf-8\r
\r
Hello\r
--x\r
Content-Type: text/html; charset=utf-8\r
\r
<p>Hello</p>\r
--x--\r
"""


def a_mail(content: bytes = CONTENT, name: str = "1.eml") -> Mail:
    return Mail(name, content, message_from_bytes(content, EmailMessage, policy=policy.default))


def an_example(line: int = 1, **expect: str | int) -> Example:
    event = {"id": "evt-1", "org_id": "acme", "user": {"email": "ada@acme.example"}}
    wanted = {"outcome": "sent", "locale": "en"} | expect
    return Example(line, "note", event, Expectation(**wanted))  # type: ignore[arg-type] # str | int


DUPLICATE = {"outcome": "skipped", "reason": "duplicate", "locale": ""}
DELIVERY = Delivery(
    "acme",
    "evt-1",
    State.SENT,
    "",
    NOON,
    NOON,
    receipt="message-1",
    attempts=1,
    trigger="password_change",
)


def judged(examples: list[Example], deliveries: list[Delivery], mails: list[Mail]) -> list[Verdict]:
    published = [(example, f"message-{example.line}") for example in examples]
    return verdicts(
        fates(published, deliveries), mails, lambda told: f"<{told.event_id}@dispatcher.example>"
    )


def test_what_is_as_expected_passes() -> None:
    (verdict,) = judged([an_example()], [DELIVERY], [a_mail()])
    assert verdict.passed
    assert verdict.mail
    totals = Totals(accepted=1, sent=1)
    assert all(check.passed for check in checks([verdict], [a_mail()], totals, []))


@pytest.mark.parametrize(
    ("deliveries", "mails", "problem"),
    [
        ([], [], "nothing became of it"),
        ([DELIVERY], [], "0 mails instead of one"),
        ([DELIVERY], [a_mail(), a_mail(name="2.eml")], "2 mails instead of one"),
        ([replace(DELIVERY, state=State.DEAD, reason="expired")], [a_mail()], "it is dead expired"),
        ([DELIVERY], [a_mail(CONTENT.replace(b"ada@", b"eve@"))], "addressed to someone else"),
        ([DELIVERY], [a_mail(CONTENT.replace(b": en", b": de"))], "but it is in de"),
    ],
)
def test_what_is_not_is_found(deliveries: list[Delivery], mails: list[Mail], problem: str) -> None:
    (verdict,) = judged([an_example()], deliveries, mails)
    assert not verdict.passed
    assert problem in "; ".join(verdict.problems)


def test_attempts_and_details_are_compared() -> None:
    (verdict,) = judged([an_example(attempts=2, detail="greylisted")], [DELIVERY], [a_mail()])
    assert len(verdict.problems) == 2


def test_a_repetition_counts_only_when_the_ledger_counted_it() -> None:
    examples = [an_example(1), an_example(2, **DUPLICATE), an_example(3, **DUPLICATE)]
    once = replace(DELIVERY, duplicates=1)
    first, second, third = judged(examples, [once], [a_mail()])
    assert (first.passed, second.passed, third.passed) == (True, True, False)
    assert third.problems == ("nothing became of it",)


def test_which_of_several_equal_messages_came_first_does_not_matter() -> None:
    examples = [an_example(1), an_example(2, **DUPLICATE)]
    second_was_first = replace(DELIVERY, receipt="message-2", duplicates=1)
    assert all(verdict.passed for verdict in judged(examples, [second_was_first], [a_mail()]))


def test_a_mail_that_nobody_asked_for_and_an_unbalanced_ledger_are_found() -> None:
    off = an_example(outcome="skipped", reason="policy_off", locale="")
    skipped = replace(DELIVERY, state=State.SKIPPED, reason="policy_off")
    judged_ = judged([off], [skipped], [a_mail()])
    assert judged_[0].passed
    found = checks(judged_, [a_mail()], Totals(accepted=2, sent=0, skipped=1), ["it ended"])
    assert [check.passed for check in found] == [True, False, True, False, False]


@pytest.mark.parametrize(
    ("content", "mistake"),
    [
        (CONTENT.replace(b"Subject", b"Sender"), "0 Subject headers"),
        (CONTENT.replace(b"Date:", b"Bcc: eve@evil.example\r\nDate:"), "a Bcc header"),
        (CONTENT.replace(b"Date:", b"To: eve@evil.example\r\nDate:"), "2 To headers"),
        (CONTENT.replace(b"ada@acme.example", b"a@b.example, c@d.example"), "2 addresses in To"),
        (CONTENT.replace(b"text/html", b"text/csv"), "no text/html part"),
        (CONTENT.replace(b"--x--\r\n", b""), "CloseBoundaryNotFoundDefect"),
        (CONTENT.replace(b"<p>Hello", b"<p>EXAMPLE-passwordMaterial"), "password material"),
    ],
)
def test_a_mail_in_the_wrong_form_is_found(content: bytes, mistake: str) -> None:
    assert mistakes(a_mail()) == []
    assert mistake in "; ".join(mistakes(a_mail(content)))


def test_shorthands_of_examples_are_written_out() -> None:
    shown = {"at": "now-5m", "name": {"$repeat": ["ab", 3]}, "list": ["now", "nowhere", 7]}
    assert expand(shown, NOON) == {
        "at": "2026-11-24T11:55:00+00:00",
        "name": "ababab",
        "list": ["2026-11-24T12:00:00+00:00", "nowhere", 7],
    }
