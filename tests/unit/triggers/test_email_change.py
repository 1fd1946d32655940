"""The mail about a changed address: to the old one, by its own switch, not naming the new one."""

import asyncio
import email
import email.policy
from functools import cache

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dispatcher.adapters.directory.from_event import FromEvent
from dispatcher.adapters.mail.renderer import MailRenderer
from dispatcher.delivery import Skipped, SkipReason
from dispatcher.errors import UnknownTrigger
from dispatcher.events import Actor, ActorKind, Addressee, Context, Event, Recipient, User
from dispatcher.message import Draft, Message
from dispatcher.policy import COMPATIBLE, Manner
from dispatcher.policy_wire import parse_update
from dispatcher.sources import native
from dispatcher.triggers import discover
from dispatcher.triggers.email_change import EMAIL_CHANGED, TRIGGER
from tests.builders import StandingClock, a_raw_event, an_event

OLD, NEW = "ada@example.org", "lovelace@elsewhere.example"


def changed(user: User, actor: ActorKind = ActorKind.USER) -> Event:
    context = Context("192.0.2.1", None, "Account portal", "Linz")
    return an_event(user=user, type=EMAIL_CHANGED, actor=Actor(actor), context=context)


def found(user: User) -> Recipient | Skipped:
    return asyncio.run(FromEvent().find(changed(user), TRIGGER.addressee))


@cache
def _renderer() -> MailRenderer:
    return MailRenderer.load(
        sender="Acme <no-reply@acme.example>",
        secret=b"a secret of more than 16 bytes",
        clock=StandingClock(),
        contact="security@acme.example",
    )


def mail_of(
    user: User, *, locale: str | None = None, actor: ActorKind = ActorKind.USER, changes: str = ""
) -> Message:
    event, recipient = changed(user, actor), found(user)
    assert isinstance(recipient, Recipient)
    facts = {**TRIGGER.facts(event), "changes": changes or None}
    to = Recipient(recipient.address, recipient.name, locale)
    return _renderer().render(Draft(TRIGGER.name, event.org_id, event.id, to, facts))


def shown(message: Message) -> str:
    """Return all that a reader might see, decoded: headers and both parts."""
    mail = email.message_from_bytes(message.content, policy=email.policy.default)
    headers = [f"{name}: {value}" for name, value in mail.items()]
    return "\n".join([*headers, *(part.get_content() for part in mail.iter_parts())])


def test_is_found_by_its_event_type_and_by_its_switch() -> None:
    assert discover().for_type(EMAIL_CHANGED) is TRIGGER
    assert discover().for_switch("emailChange") is TRIGGER
    with pytest.raises(UnknownTrigger, match="emailChange, passwordChange"):
        discover().for_switch("phoneChange")


def test_goes_to_the_address_before_the_change_alone() -> None:
    assert found(User("u", NEW, previous_email=OLD)) == Recipient(OLD)
    assert found(User("u", NEW, email_verified=False, previous_email=OLD)) == Recipient(OLD)
    assert found(User("u", previous_email=OLD)) == Recipient(OLD)


def test_finds_nobody_where_the_old_address_is_not_known() -> None:
    assert found(User("u", NEW)) == Skipped(SkipReason.NO_RECIPIENT)


def test_keeps_the_name_and_the_language() -> None:
    user = User("u", NEW, "Ada Lovelace", "ada", "de", previous_email=OLD)
    assert found(user) == Recipient(OLD, "Ada Lovelace", "de")


@pytest.mark.parametrize("name", [NEW, NEW.upper(), f"Ada ({NEW})", "other@else.example"])
def test_does_not_call_people_by_what_may_be_the_new_address(name: str) -> None:
    user = User("u", NEW, name, name, previous_email=OLD)
    assert found(user) == Recipient(OLD)
    assert TRIGGER.facts(changed(user))["login_name"] is None


def test_calls_the_account_by_the_old_address_where_that_was_its_name() -> None:
    user = User("u", NEW, login_name=OLD.upper(), previous_email=OLD)
    assert TRIGGER.facts(changed(user))["login_name"] == OLD.upper()


@given(st.sampled_from(["{}", "Ada <{}>", "{}\r\n", " {}", "x{}x", "mailto:{}"]), st.booleans())
@example("{}", False)  # noqa: FBT003 - hypothesis passes by position
def test_no_name_tells_the_new_address(form: str, shouted: bool) -> None:  # noqa: FBT001 - as above
    name = form.format(NEW.upper() if shouted else NEW)
    told = shown(mail_of(User("u", NEW, name, name, previous_email=OLD))).casefold()
    assert "lovelace" not in told
    assert "elsewhere" not in told
    assert f"to: {OLD}" in told


def test_says_who_changed_it() -> None:
    user = User("u", NEW, "Ada", previous_email=OLD)
    assert "The email address of your account was changed. From now" in shown(mail_of(user))
    told = shown(mail_of(user, actor=ActorKind.ADMIN))
    assert "An administrator changed the email address of your account." in told
    assert "If you expected this, there is nothing you need to do." in told


def test_a_storms_follow_up_says_how_often() -> None:
    user = User("u", NEW, previous_email=OLD)
    assert "changed once more." in shown(mail_of(user, changes="1"))
    assert "noch 3-mal" in shown(mail_of(user, changes="3", locale="de"))


def test_an_event_may_be_of_this_kind_and_needs_no_other_field_than_any() -> None:
    raw = a_raw_event(type=EMAIL_CHANGED, user={"id": "u", "previous_email": OLD})
    event = native.parse(raw)
    assert (event.type, event.user.previous_email) == (EMAIL_CHANGED, OLD)
    assert native.parse(event.to_wire()) == event


def test_its_switch_can_be_set_with_the_other_or_alone_but_not_in_zitadels_manner() -> None:
    switches = discover().switches
    assert parse_update({"emailChange": True}, switches) == {"emailChange": True}
    both = {"email_change": False, "passwordChange": True}
    assert parse_update(both, switches) == {"emailChange": False, "passwordChange": True}
    assert parse_update(both, switches, Manner.ZITADEL) == {"passwordChange": True}
    assert "emailChange" not in COMPATIBLE


def test_every_kind_of_mail_but_this_is_for_the_current_mailbox() -> None:
    kinds = [discover().for_type(each) for each in sorted(discover().types)]
    previous = [kind.name for kind in kinds if kind.addressee is Addressee.PREVIOUS]
    assert previous == ["email_change"]
