"""What is told of the samples' user is nobody's; of anybody who resembles them it is theirs."""

import pytest

from dispatcher.connection import Connection
from dispatcher.events import User
from dispatcher.sources.binding import bind
from dispatcher.sources.hook import SAMPLE_USER, Occurrence
from tests.builders import NOON

ALL = Connection("iam", "zitadel", organizations=frozenset({"*"}))


def bound(user: User) -> int:
    return len(bind(ALL, Occurrence("id", user, NOON, tenant="acme")))


@pytest.mark.parametrize(
    "user",
    [
        SAMPLE_USER,
        User(id=SAMPLE_USER.id, display_name="Sample", locale="de"),
        User(email=SAMPLE_USER.email),
        User(email=SAMPLE_USER.email, previous_email=SAMPLE_USER.email),
    ],
)
def test_a_sample_causes_no_event_whoever_the_connection_may_speak_for(user: User) -> None:
    assert bound(user) == 0


@pytest.mark.parametrize(
    "user",
    [
        User(id=SAMPLE_USER.id, email="ada@example.org"),
        User(id="u-1", email=SAMPLE_USER.email),
        User(email=SAMPLE_USER.email, previous_email="ada@example.org"),
        User(id=SAMPLE_USER.id, previous_email="ada@example.org"),
        User(id=SAMPLE_USER.email),
        User(email="sample.user@example.invalid.org"),
    ],
)
def test_nobody_is_kept_from_knowing_by_looking_like_a_sample(user: User) -> None:
    assert bound(user) >= 1
