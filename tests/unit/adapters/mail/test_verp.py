"""Bounce addresses: one for each mail."""

from dataclasses import replace

import pytest

from dispatcher.adapters.mail.renderer import MailRenderer
from dispatcher.adapters.mail.verp import BounceAddress
from dispatcher.errors import ConfigError
from dispatcher.postmark import LENGTH
from dispatcher.sender import Sender
from tests.builders import StandingClock
from tests.unit.adapters.mail.mails import ADDRESS, SECRET, a_draft, a_renderer


def test_a_mail_comes_back_to_an_address_of_its_own() -> None:
    address = BounceAddress.parse("bounces@acme.example")
    assert address.returning("abc") == "bounces+abc@acme.example"


def test_the_local_part_has_room_for_the_postmark() -> None:
    longest = BounceAddress.parse("b" * 15 + "@acme.example").returning("a" * LENGTH)
    assert len(longest.partition("@")[0]) == 64


@pytest.mark.parametrize(
    "text",
    ["", "bounces", "b" * 16 + "@acme.example", "a+b@acme.example", "bücher@acme.example", "a b@c"],
)
def test_an_address_that_cannot_carry_a_postmark_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        BounceAddress.parse(text)


def test_a_mail_over_the_instances_relays_has_a_return_address_of_its_own() -> None:
    message = a_renderer(bounce_address="bounces@acme.example").render(a_draft())
    mark = message.id[1 : 1 + LENGTH]
    assert message.sender == f"bounces+{mark}@acme.example"
    assert mark.encode() in message.content
    assert b"bounces" not in message.content


def test_a_mail_over_an_organizations_own_relay_comes_back_to_its_own_sender() -> None:
    renderer = a_renderer(bounce_address="bounces@acme.example")
    theirs = Sender("globex", "no-reply@globex.example", relays="smtps://mx.globex.example")
    ours = Sender("initech", "no-reply@initech.example")
    assert renderer.render(replace(a_draft(), sender=theirs)).sender == "no-reply@globex.example"
    assert renderer.render(replace(a_draft(), sender=ours)).sender.startswith("bounces+")


def test_the_capitals_of_an_address_do_not_change_the_message_id() -> None:
    assert (
        a_renderer().render(a_draft()).id
        == a_renderer().render(a_draft(address=ADDRESS.upper())).id
    )


def test_a_bounce_address_that_cannot_work_is_refused_at_start() -> None:
    with pytest.raises(ConfigError, match="such as bounces"):
        MailRenderer.load(
            sender="a@b.example", secret=SECRET, clock=StandingClock(), bounce_address="bounces"
        )
