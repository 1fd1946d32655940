"""Messages reach a relay, whatever it offers and however it sends its replies."""

import re

import pytest

from dispatcher.delivery import Receipt
from dispatcher.errors import PermanentTransportError, RecipientRefused
from dispatcher.message import Message
from tests.integration.smtp.submission import Run, a_message, error_of, hand_over, messages
from tests.smtp_server import Act, At, Rule, ScriptedRelay, Traits

_TRAITS = {
    "everything": Traits(),
    "no pipelining": Traits(pipelining=False),
    "no extensions at all": Traits(pipelining=False, eightbit=False, smtputf8=False),
    "replies in single bytes": Traits(packet=1),
    "replies in odd packets": Traits(packet=7),
    "replies in many lines": Traits(multiline=True),
    "many lines in odd packets": Traits(multiline=True, packet=5),
    "many lines, no pipelining": Traits(multiline=True, pipelining=False),
}


@pytest.mark.parametrize("traits", _TRAITS.values(), ids=_TRAITS.keys())
@pytest.mark.parametrize("connections", [1, 4])
def test_every_message_arrives_once_and_whole(run: Run, traits: Traits, connections: int) -> None:
    sent = messages(25)
    with ScriptedRelay(traits=traits) as relay:
        outcomes = run(hand_over(relay, sent, connections=connections))
    assert all(isinstance(outcome, Receipt) and outcome.code == 250 for outcome in outcomes)
    assert set(relay.message_ids.values()) == {1}
    arrived = {got.message_id: got for got in relay.messages}
    for message in sent:
        got = arrived[message.id]
        assert (got.sender, got.recipients) == (message.sender, (message.recipient,))
        assert got.unstuffed == message.content


def test_a_busy_connection_sends_the_next_envelope_behind_the_final_dot(run: Run) -> None:
    with ScriptedRelay(Rule(At.FINAL, act=Act.DELAY, delay=0.2, times=1)) as relay:
        outcomes = run(hand_over(relay, messages(2), connections=1))
    assert relay.connections == 1
    assert [isinstance(outcome, Receipt) for outcome in outcomes] == [True, True]
    assert relay.commands[At.MAIL] == relay.commands[At.DATA] == 2


def test_parameters_are_sent_only_where_the_relay_offers_them(run: Run) -> None:
    message = Message("<1@a>", "a@acme.example", "b@example.org", "Grüße\r\n".encode())
    with ScriptedRelay(traits=Traits(size=10_000)) as relay:
        run(hand_over(relay, [message, a_message(2)], connections=1))
    assert [got.parameters for got in relay.messages] == [
        f"SIZE={len(message.content)} BODY=8BITMIME",
        f"SIZE={len(a_message(2).content)}",
    ]


def test_an_internationalised_address_travels_as_utf8(run: Run) -> None:
    message = a_message(1, recipient="пользователь@пример.рф", smtputf8=True)
    with ScriptedRelay() as relay:
        run(hand_over(relay, [message]))
    (got,) = relay.messages
    assert got.recipients == ("пользователь@пример.рф",)
    assert got.parameters.split() == ["BODY=8BITMIME", "SMTPUTF8"]


def test_a_relay_without_smtputf8_is_not_asked_to_take_an_internationalised_address(
    run: Run,
) -> None:
    message = a_message(1, recipient="пользователь@пример.рф", smtputf8=True)
    with ScriptedRelay(traits=Traits(smtputf8=False)) as relay:
        refused, accepted = run(hand_over(relay, [message, a_message(2)], connections=1))
    error = error_of(refused)
    assert isinstance(error, RecipientRefused)
    assert (error.code, error.enhanced) == (553, "5.6.7")
    assert "internationalised" in error.reason
    assert isinstance(accepted, Receipt)
    assert relay.commands[At.MAIL] == 1


def test_eight_bit_content_is_not_forced_on_a_seven_bit_relay(run: Run) -> None:
    message = Message("<1@a>", "a@acme.example", "b@example.org", "Grüße\r\n".encode())
    with ScriptedRelay(traits=Traits(eightbit=False)) as relay:
        (refused,) = run(hand_over(relay, [message]))
    assert isinstance(refused, PermanentTransportError)
    assert relay.accepted == 0


def test_a_message_larger_than_the_relay_takes_is_refused_before_it_is_sent(run: Run) -> None:
    with ScriptedRelay(traits=Traits(size=20)) as relay:
        (refused,) = run(hand_over(relay, [a_message()]))
    error = error_of(refused)
    assert isinstance(error, PermanentTransportError)
    assert (error.code, error.enhanced) == (552, "5.3.4")
    assert relay.commands[At.MAIL] == 0


@pytest.mark.parametrize(
    "recipient", ["a@b>\r\nRCPT TO:<c@d", "a\x00@b", "a>@b", "a\n@b", "a\ud800@b"]
)
def test_an_address_that_would_break_out_of_its_command_is_refused(
    run: Run, recipient: str
) -> None:
    with ScriptedRelay() as relay:
        (refused,) = run(hand_over(relay, [a_message(recipient=recipient)]))
    assert isinstance(refused, RecipientRefused)
    assert relay.commands[At.RCPT] == 0


def test_the_relay_is_told_an_address_literal_when_no_name_is_set(run: Run) -> None:
    with ScriptedRelay(Rule(At.EHLO, "550 5.7.1 no", times=1)) as relay:
        (refused,) = run(hand_over(relay, [a_message()]))
    assert re.search("EHLO", error_of(refused).reason)
    assert relay.accepted == 0
