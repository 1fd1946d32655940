"""Kinds of mail: they are found, and two cannot answer to one event."""

import pytest

from dispatcher.errors import ConfigError, UnknownTrigger
from dispatcher.events import PASSWORD_CHANGED, Actor, ActorKind, Change, Context
from dispatcher.triggers import Trigger, Triggers, discover
from tests.builders import NOON, a_user, an_event


def test_finds_the_password_notice_by_its_event_type() -> None:
    trigger = discover().for_type(PASSWORD_CHANGED)
    assert (trigger.name, trigger.switch) == ("password_change", "passwordChange")


def test_says_which_event_types_it_knows() -> None:
    with pytest.raises(UnknownTrigger, match=PASSWORD_CHANGED):
        discover().for_type("iam.user.created.v1")


def test_refuses_two_triggers_for_one_event_type() -> None:
    twins = [Trigger(name, "x.v1", "x", lambda _: {}, "x changes") for name in ("one", "two")]
    with pytest.raises(ConfigError, match=r"one and two both answer to x\.v1"):
        Triggers(twins)


def test_knows_the_switches_that_mean_something() -> None:
    assert discover().switches >= {"passwordChange"}


def test_the_password_notice_says_what_happened_when_from_where_and_who_did_it() -> None:
    event = an_event(
        user=a_user(login_name="ada@acme"),
        change=Change.ADMIN_RESET,
        actor=Actor(ActorKind.ADMIN),
        context=Context("192.0.2.1", "Firefox", "console", "Linz"),
    )
    assert discover().for_type(PASSWORD_CHANGED).facts(event) == {
        "change": "admin_reset",
        "changes": None,
        "actor": "admin",
        "occurred_at": NOON,
        "login_name": "ada@acme",
        "ip": "192.0.2.1",
        "place": "Linz",
        "client": "console",
        "user_agent": "Firefox",
    }
