"""Organizations' senders: the service, and the JSON it is spoken to in."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import pytest

from dispatcher.adapters.store.memory_senders import MemorySenderStore
from dispatcher.errors import InvalidSender, SenderNotFound, SenderUnreadable
from dispatcher.sender import Sender, SenderChange, SenderWritten
from dispatcher.sender_wire import parse_change, sender_body
from dispatcher.senders import Senders
from tests.builders import NOON, StandingClock

_T = TypeVar("_T")


def _run(awaitable: Awaitable[_T]) -> _T:
    async def wait() -> _T:
        return await awaitable

    return asyncio.run(wait())


def _no_check(change: SenderChange) -> None:
    del change


@pytest.fixture
def senders() -> Senders:
    return Senders(MemorySenderStore(StandingClock()), _no_check)


def test_whoever_has_no_sender_is_told_so(senders: Senders) -> None:
    with pytest.raises(SenderNotFound):
        _run(senders.get("acme"))
    with pytest.raises(SenderNotFound):
        _run(senders.reset("acme"))


def test_a_sender_is_set_read_listed_and_reset(senders: Senders) -> None:
    assert _run(senders.update("acme", SenderChange("a@acme.example"))).changed
    assert _run(senders.get("acme")).mail_from == "a@acme.example"
    assert _run(senders.organizations()) == ["acme"]
    assert _run(senders.rotate()) == 0
    assert _run(senders.reset("acme")).sequence == 2
    assert _run(senders.organizations()) == []


def test_nothing_is_kept_that_does_not_pass_the_check() -> None:
    def refuse(change: SenderChange) -> None:
        raise InvalidSender(f"not {change.mail_from}")

    senders = Senders(MemorySenderStore(StandingClock()), refuse)
    with pytest.raises(InvalidSender, match="not nobody"):
        _run(senders.update("acme", SenderChange("nobody")))
    assert _run(senders.organizations()) == []


def test_a_change_that_would_keep_relays_nobody_can_read_asks_for_new_ones() -> None:
    class Locked(MemorySenderStore):
        async def put(self, org_id: str, change: SenderChange) -> SenderWritten:
            del org_id, change
            raise SenderUnreadable("its key is not here")

    senders = Senders(Locked(StandingClock()), _no_check)
    with pytest.raises(InvalidSender, match="set relays, too, or reset them: its key is not here"):
        _run(senders.update("acme", SenderChange("a@acme.example")))


@pytest.mark.parametrize(
    ("body", "change"),
    [
        ({"mailFrom": " a@b.example "}, SenderChange(mail_from="a@b.example")),
        ({"mail_from": "a@b.example", "other": 1}, SenderChange(mail_from="a@b.example")),
        ({"replyTo": None}, SenderChange(reply_to="")),
        ({"relays": ""}, SenderChange(relays="")),
        (
            {"mailFrom": "a@b.example", "reply_to": "c@d.example", "relays": "smtp://e"},
            SenderChange("a@b.example", "c@d.example", "smtp://e"),
        ),
    ],
)
def test_a_body_says_what_changes(body: object, change: SenderChange) -> None:
    assert parse_change(body) == change


@pytest.mark.parametrize(
    ("body", "mistake"),
    [
        (None, "expected a JSON object"),
        ([], "expected a JSON object"),
        ({}, "changes nothing"),
        ({"from": "a@b.example"}, "changes nothing"),
        ({"mailFrom": ["a"]}, "mailFrom: expected a string or null"),
        ({"replyTo": "a", "reply_to": "a"}, "replyTo is set twice"),
    ],
)
def test_a_body_that_says_nothing_of_use_is_refused(body: object, mistake: str) -> None:
    with pytest.raises(InvalidSender, match=mistake) as refused:
        parse_change(body)
    assert refused.value.id == "SENDER-invalid"


def test_a_sender_as_json_hides_passwords_and_says_null_for_the_instances() -> None:
    body = sender_body(Sender("acme", "", "", "smtp://u:s3cret@h", 3, NOON))
    expected: dict[str, Any] = {
        "organization": "acme",
        "mailFrom": None,
        "replyTo": None,
        "relays": "smtp://u:***@h",
        "sequence": "3",
        "changeDate": "2026-11-24T12:00:00Z",
    }
    assert body == expected
    assert sender_body(Sender("acme"))["changeDate"] is None


def test_no_representation_shows_relays() -> None:
    shown = repr((Sender("acme", relays="smtp://u:s3cret@h"), SenderChange(relays="s3cret")))
    assert "s3cret" not in shown
