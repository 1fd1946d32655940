"""Bounce addresses: one for each mail."""

import pytest

from dispatcher.adapters.mail.verp import BounceAddress
from dispatcher.errors import ConfigError
from dispatcher.postmark import LENGTH


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
