"""Whom an event names."""

import asyncio

import pytest

from dispatcher.adapters.directory.from_event import FromEvent
from dispatcher.delivery import Skipped, SkipReason
from dispatcher.events import Recipient, User
from tests.builders import an_event


def found(user: User) -> Recipient | Skipped:
    return asyncio.run(FromEvent().find(an_event(user=user)))


def test_takes_the_address_name_and_locale() -> None:
    user = User("u", "ada@example.org", "Ada", "ada", "de")
    assert found(user) == Recipient("ada@example.org", "Ada", "de")


def test_calls_people_by_their_login_name_where_no_other_is_known() -> None:
    assert found(User("u", "ada@example.org", login_name="ada")) == Recipient(
        "ada@example.org", "ada"
    )


def test_finds_nobody_without_an_address() -> None:
    assert found(User("u")) == Skipped(SkipReason.NO_RECIPIENT)


@pytest.mark.parametrize(
    ("verified", "expected"),
    [(False, "old@example.org"), (True, "new@example.org"), (None, "new@example.org")],
)
def test_prefers_the_previous_address_to_an_unverified_one(
    *, verified: bool | None, expected: str
) -> None:
    user = User("u", "new@example.org", email_verified=verified, previous_email="old@example.org")
    recipient = found(user)
    assert isinstance(recipient, Recipient)
    assert recipient.address == expected
