"""What a relay refuses, how, and what that does to the messages beside it."""

from dataclasses import replace

import pytest

from dispatcher.delivery import Receipt
from dispatcher.errors import (
    PermanentTransportError,
    RecipientRefused,
    RelayFault,
    TransientTransportError,
    TransportError,
    UncertainDelivery,
)
from tests.integration.smtp.submission import (
    QUICK,
    Outcome,
    Run,
    a_message,
    address_of,
    error_of,
    hand_over,
    messages,
    outcome_of,
    pool_for,
)
from tests.smtp_server import Act, At, Rule, ScriptedRelay, Traits

_REPLIES: list[tuple[At, str, type[TransportError]]] = [
    (At.GREETING, "554 5.7.1 go away", RelayFault),
    (At.GREETING, "421 4.3.2 later", RelayFault),
    (At.EHLO, "550 5.7.1 no", RelayFault),
    (At.MAIL, "451 4.3.0 later", TransientTransportError),
    (At.MAIL, "421 4.3.2 later", TransientTransportError),
    (At.MAIL, "550 5.7.1 not this sender", RelayFault),
    (At.MAIL, "530 5.7.0 authenticate", RelayFault),
    (At.MAIL, "552 5.3.4 too big", PermanentTransportError),
    (At.RCPT, "450 4.2.0 greylisted", TransientTransportError),
    (At.RCPT, "550 4.7.1 greylisted", TransientTransportError),
    (At.RCPT, "550 5.1.1 unknown", RecipientRefused),
    (At.RCPT, "452 4.5.3 too many", TransientTransportError),
    (At.DATA, "451 4.3.0 later", TransientTransportError),
    (At.DATA, "554 5.6.0 no", PermanentTransportError),
    (At.FINAL, "451 4.3.0 later", TransientTransportError),
    (At.FINAL, "452 4.3.1 full", TransientTransportError),
    (At.FINAL, "421 4.3.2 closing", TransientTransportError),
    (At.FINAL, "554 5.7.1 spam", PermanentTransportError),
]


@pytest.mark.parametrize(
    ("at", "reply", "kind"), _REPLIES, ids=[f"{a}-{r}" for a, r, _ in _REPLIES]
)
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
def test_a_refusal_is_told_with_its_phase_and_code(
    run: Run, at: At, reply: str, kind: type[TransportError], *, pipelining: bool
) -> None:
    with ScriptedRelay(Rule(at, reply), traits=Traits(pipelining=pipelining)) as relay:
        (outcome,) = run(hand_over(relay, [a_message()]))
    error = error_of(outcome)
    assert type(error) is kind
    assert (error.phase, error.code, error.enhanced) == (at.value, int(reply[:3]), reply[4:9])
    assert error.relay == f"127.0.0.1:{relay.port}"
    assert relay.accepted == 0


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA, At.FINAL])
@pytest.mark.parametrize("code", ["450 4.2.0", "550 5.1.1"])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
def test_a_refused_message_does_not_disturb_the_others_on_its_connection(
    run: Run, at: At, code: str, *, pipelining: bool
) -> None:
    rule = Rule(at, f"{code} no", every=3)
    with ScriptedRelay(rule, traits=Traits(pipelining=pipelining)) as relay:
        outcomes = run(hand_over(relay, messages(12), connections=1))
    assert sum(isinstance(outcome, Receipt) for outcome in outcomes) == 8
    assert relay.accepted == 8
    assert relay.connections == 1
    accepted = {f"<{n}@acme.example>" for n, o in enumerate(outcomes, 1) if isinstance(o, Receipt)}
    assert set(relay.message_ids) == accepted


@pytest.mark.parametrize("connections", [1, 3])
def test_a_data_accepted_for_nobody_is_left_with_a_lone_dot(run: Run, connections: int) -> None:
    rules = (
        Rule(At.RCPT, "550 5.1.1 unknown", recipient="person[37]@"),
        Rule(At.DATA, "354 go on, whoever it is for"),
    )
    with ScriptedRelay(*rules) as relay:
        outcomes = run(hand_over(relay, messages(9), connections=connections))
    kinds = [type(outcome) for outcome in outcomes]
    assert [n for n, kind in enumerate(kinds, 1) if kind is RecipientRefused] == [3, 7]
    assert kinds.count(Receipt) == relay.accepted == 7
    assert all(len(got.content) > 100 for got in relay.messages)


def test_a_relay_that_goes_on_after_refusing_the_sender_gets_no_empty_message(run: Run) -> None:
    rules = (
        Rule(At.MAIL, "451 4.3.0 later", times=1),
        Rule(At.DATA, "354 go on, whoever it is from"),
    )
    with ScriptedRelay(*rules) as relay:
        outcomes = run(hand_over(relay, messages(2), connections=1))
    assert [type(outcome) for outcome in outcomes] == [TransientTransportError, Receipt]
    assert list(relay.message_ids) == ["<2@acme.example>"]


@pytest.mark.parametrize(
    ("at", "lie"),
    [
        (At.MAIL, "354 go on"),
        (At.RCPT, "354 go on"),
        (At.MAIL, "!!! what"),
        (At.DATA, "250 fine"),
        (At.RCPT, "x" * 5000),
        (At.MAIL, "250-no end\r\n" * 4000 + "250 end"),
        (At.RCPT, "250-one\r\n550 two"),
        (At.DATA, "220 2.0.0 fine"),
    ],
)
def test_a_relay_that_lies_is_left_and_nothing_is_lost(run: Run, at: At, lie: str) -> None:
    with ScriptedRelay(Rule(at, lie, times=1)) as relay:
        outcomes = run(hand_over(relay, messages(4), connections=1))
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert relay.accepted == 4


def test_a_relay_that_always_lies_gets_two_tries(run: Run) -> None:
    with ScriptedRelay(Rule(At.MAIL, "354 go on")) as relay:
        (outcome,) = run(hand_over(relay, [a_message()]))
    assert type(outcome) is TransientTransportError
    assert relay.connections == 2


@pytest.mark.parametrize("lie", ["!!! what", "354 go on", "x" * 5000])
def test_a_lie_about_the_final_dot_leaves_the_message_uncertain(run: Run, lie: str) -> None:
    with ScriptedRelay(Rule(At.FINAL, lie, times=1)) as relay:
        outcomes = run(hand_over(relay, messages(4), connections=1))
    assert [type(outcome) for outcome in outcomes] == [UncertainDelivery, Receipt, Receipt, Receipt]


@pytest.mark.parametrize("act", [Act.HANG, Act.DROP])
@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA])
@pytest.mark.parametrize("pipelining", [True, False], ids=["pipelined", "one by one"])
def test_silence_before_the_final_dot_is_safe_to_retry(
    run: Run, at: At, act: Act, *, pipelining: bool
) -> None:
    with ScriptedRelay(Rule(at, act=act), traits=Traits(pipelining=pipelining)) as relay:
        (outcome,) = run(hand_over(relay, [a_message()], timeouts=QUICK))
    error = error_of(outcome)
    assert type(error) is TransientTransportError
    assert (error.phase, error.code) == (at.value, None)
    assert relay.accepted == 0


@pytest.mark.parametrize("act", [Act.HANG, Act.DROP, Act.TAKE_AND_DROP])
def test_silence_after_the_final_dot_is_uncertain(run: Run, act: Act) -> None:
    with ScriptedRelay(Rule(At.FINAL, act=act)) as relay:
        (outcome,) = run(hand_over(relay, [a_message()], timeouts=QUICK))
    error = error_of(outcome)
    assert type(error) is UncertainDelivery
    assert (error.phase, error.code) == ("final", None)
    assert relay.accepted == (act is Act.TAKE_AND_DROP)


@pytest.mark.parametrize("act", [Act.HANG, Act.DROP])
@pytest.mark.parametrize("at", [At.GREETING, At.EHLO])
def test_silence_while_opening_is_the_relays_fault(run: Run, at: At, act: Act) -> None:
    with ScriptedRelay(Rule(at, act=act)) as relay:
        (outcome,) = run(hand_over(relay, [a_message()], timeouts=QUICK))
    error = error_of(outcome)
    assert type(error) is RelayFault
    assert error.phase == at.value


def test_replies_that_come_drop_by_drop_have_a_deadline_as_a_whole(run: Run) -> None:
    timeouts = replace(QUICK, greeting=30, command=30)
    with ScriptedRelay() as relay:
        address = address_of(relay)

        async def drip_after_opening() -> list[Outcome]:
            async with pool_for(address, connections=1, timeouts=timeouts) as pool:
                first = await outcome_of(pool, a_message(1))
                relay.traits = Traits(drip=0.05)
                relay.drop_all()
                return [first, await outcome_of(pool, a_message(2))]

        accepted, dripped = run(drip_after_opening())
    assert isinstance(accepted, Receipt)
    assert "no reply" in error_of(dripped).reason


def test_messages_behind_a_dropped_final_dot_move_and_only_it_is_uncertain(run: Run) -> None:
    with ScriptedRelay(Rule(At.FINAL, act=Act.TAKE_AND_DROP, every=5)) as relay:
        outcomes = run(hand_over(relay, messages(20), connections=2))
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds.count(UncertainDelivery) == 4
    assert kinds.count(Receipt) == 16
    assert set(relay.message_ids.values()) == {1}
    assert len(relay.messages) == 20


@pytest.mark.parametrize("at", [At.MAIL, At.RCPT, At.DATA])
def test_a_421_now_and_then_fails_no_message(run: Run, at: At) -> None:
    with ScriptedRelay(Rule(at, "421 4.3.2 closing", every=10)) as relay:
        outcomes = run(hand_over(relay, messages(60), connections=2))
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert set(relay.message_ids.values()) == {1}


def test_an_accepted_message_stays_accepted_whatever_comes_after(run: Run) -> None:
    rules = (Rule(At.FINAL, "250 2.0.0 taken\r\n!!! garbage"), Rule(At.QUIT, act=Act.DROP))
    with ScriptedRelay(*rules) as relay:
        outcomes = run(hand_over(relay, messages(5), connections=1))
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert relay.accepted == 5


def test_an_error_shows_neither_the_address_nor_control_characters(run: Run) -> None:
    reply = "550 5.1.1 <gone.person@example.org>: gone.person \x1b[31m unknown " + "x" * 3000
    with ScriptedRelay(Rule(At.RCPT, reply)) as relay:
        message = a_message(recipient="gone.person@example.org")
        (outcome,) = run(hand_over(relay, [message]))
    text = f"{error_of(outcome)!r} {error_of(outcome)}"
    assert "gone.person" not in text
    assert "example.org" not in text
    assert "\x1b" not in text
    assert len(error_of(outcome).reason) < 260
