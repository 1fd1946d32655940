"""Each message over its organization's own relays, or else the instance's: never the wrong one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dispatcher.adapters.mail.relays import RelayChange
from dispatcher.adapters.mail.routes import RouteLimits, Routes
from dispatcher.adapters.mail.smtp_limits import PoolLimits
from dispatcher.delivery import Receipt
from dispatcher.errors import OwnRelayFault, SenderUnreadable, Throttled, TransportError
from dispatcher.sender import Sender
from tests.integration.smtp.submission import (
    PATIENT,
    QUICK,
    Outcome,
    Run,
    a_message,
    address_of,
    eventually,
    messages,
)
from tests.smtp_server import Act, At, Rule, ScriptedRelay


@asynccontextmanager
async def _routes(
    instance: ScriptedRelay, *, changes: list[RelayChange] | None = None, **limits: float
) -> AsyncIterator[Routes]:
    seen = [] if changes is None else changes
    timeouts = PATIENT if limits.pop("patient", False) else QUICK
    routes = Routes(
        (address_of(instance),),
        limits=PoolLimits(connections=8),
        timeouts=timeouts,
        routes=RouteLimits(**{"local": True} | limits),  # type: ignore[arg-type] # of either type
        on_change=seen.append,
    )
    try:
        yield routes
    finally:
        await routes.close(grace=0.2)


def _sender(org: str, *relays: ScriptedRelay, options: str = "") -> Sender:
    urls = (f"smtp://127.0.0.1:{relay.port}?tls=none{options}" for relay in relays)
    return Sender(org, relays=",".join(urls))


async def _outcome(routes: Routes, sender: Sender | None, number: int = 1) -> Outcome:
    try:
        return await routes.deliver(a_message(number), sender)
    except TransportError as error:
        return error


def test_organizations_relays_get_their_mails_and_the_instances_gets_the_rest(run: Run) -> None:
    async def send() -> None:
        async with _routes(instance) as routes:
            senders = [_sender("acme", acme), _sender("globex", globex), Sender("initech"), None]
            await asyncio.gather(
                *(routes.deliver(message, sender) for message in messages(10) for sender in senders)
            )
            assert len(routes.states()) == 3

    with ScriptedRelay() as instance, ScriptedRelay() as acme, ScriptedRelay() as globex:
        run(send())
    assert (instance.accepted, acme.accepted, globex.accepted) == (20, 10, 10)


def test_an_organizations_relay_that_is_away_is_never_replaced_by_the_instances(run: Run) -> None:
    changes: list[RelayChange] = []

    async def send() -> list[Outcome]:
        async with _routes(instance, changes=changes) as routes:
            sender = _sender("acme", acme)
            return [await _outcome(routes, sender, number) for number in range(3)]

    with ScriptedRelay() as instance, ScriptedRelay(Rule(At.GREETING, "554 no")) as acme:
        assert [type(outcome) for outcome in run(send())] == [OwnRelayFault] * 3
        name = f"127.0.0.1:{acme.port}"
    assert instance.accepted == 0
    assert acme.connections == 1
    assert [(change.relay, change.away) for change in changes] == [(name, True)]


def test_the_instances_relays_are_away_when_none_of_them_takes_mail_whatever_others_do(
    run: Run,
) -> None:
    async def told() -> list[bool]:
        async with _routes(instance) as routes:
            found = []
            for sender in (_sender("acme", acme), None):
                await _outcome(routes, sender)
                found.append(routes.is_away())
            return found

    away = Rule(At.GREETING, "554 no")
    with ScriptedRelay(away) as instance, ScriptedRelay(away) as acme:
        assert run(told()) == [False, True]


def test_an_organizations_second_relay_takes_over_from_its_first(run: Run) -> None:
    async def send() -> None:
        async with _routes(instance) as routes:
            await routes.deliver(a_message(), _sender("acme", first, second))

    with (
        ScriptedRelay() as instance,
        ScriptedRelay(Rule(At.GREETING, "554 no")) as first,
        ScriptedRelay() as second,
    ):
        run(send())
    assert (instance.accepted, second.accepted) == (0, 1)


def test_organizations_with_the_same_relay_share_its_connections(run: Run) -> None:
    async def send() -> None:
        async with _routes(instance) as routes:
            for number in range(6):
                await routes.deliver(a_message(number), _sender(f"org-{number}", shared))
            assert len(routes.states()) == 2

    with ScriptedRelay() as instance, ScriptedRelay() as shared:
        run(send())
    assert (shared.accepted, shared.connections) == (6, 1)


def test_an_organizations_relay_gets_four_connections_unless_it_says_otherwise(run: Run) -> None:
    async def send(sender: Sender) -> None:
        async with _routes(instance, places=100, patient=True) as routes:
            await asyncio.gather(*(routes.deliver(message, sender) for message in messages(60)))

    slow = Rule(At.FINAL, act=Act.DELAY, delay=0.02)
    for options, most in (("", 4), ("&connections=2", 2), ("&connections=99", 8)):
        with ScriptedRelay() as instance, ScriptedRelay(slow) as acme:
            run(send(_sender("acme", acme, options=options)))
        assert acme.most_at_once <= most


def test_a_relay_that_hangs_holds_up_its_own_organization_only(run: Run) -> None:
    async def send() -> tuple[list[Outcome], list[Receipt]]:
        async with _routes(instance, places=4, patient=True) as routes:
            acmes = _sender("acme", hanging)
            stuck = [asyncio.create_task(_outcome(routes, acmes, number)) for number in range(20)]
            others = (_sender("globex", globex), None)
            async with asyncio.timeout(5):
                fine = [
                    await routes.deliver(a_message(number), sender)
                    for sender in others
                    for number in range(50)
                ]
                while sum(task.done() for task in stuck) < 16:
                    await asyncio.wait(stuck, return_when=asyncio.FIRST_COMPLETED, timeout=0.05)
            refused = [task.result() for task in stuck if task.done()]
            for task in stuck:
                task.cancel()
            await asyncio.wait(stuck)
            return refused, fine

    with (
        ScriptedRelay() as instance,
        ScriptedRelay(Rule(At.MAIL, act=Act.HANG)) as hanging,
        ScriptedRelay() as globex,
    ):
        refused, fine = run(send())
    assert {type(outcome) for outcome in refused} == {Throttled}
    assert len(refused) == 16
    assert len(fine) == 100
    assert (instance.accepted, globex.accepted) == (50, 50)


def test_routes_that_are_not_used_are_closed_and_opened_again_when_needed(run: Run) -> None:
    async def send() -> None:
        async with _routes(instance, idle=0.05) as routes:
            await routes.deliver(a_message(1), _sender("acme", acme))
            await eventually(lambda: len(routes.states()) == 1)
            await routes.deliver(a_message(2), _sender("acme", acme))

    with ScriptedRelay() as instance, ScriptedRelay() as acme:
        run(send())
    assert (acme.accepted, acme.connections) == (2, 2)


def test_the_route_not_used_for_longest_makes_way_for_a_new_one(run: Run) -> None:
    changes: list[RelayChange] = []

    async def send() -> list[str]:
        async with _routes(instance, changes=changes, most=2) as routes:
            for number, relay in enumerate((first, second, first, third)):
                await _outcome(routes, _sender("acme", relay), number)
            return [state.relay for state in routes.states()]

    with (
        ScriptedRelay() as instance,
        ScriptedRelay() as first,
        ScriptedRelay(Rule(At.GREETING, "554 no")) as second,
        ScriptedRelay() as third,
    ):
        names = run(send())
        ports = [relay.port for relay in (instance, first, third)]
        assert names == [f"127.0.0.1:{port}" for port in ports]
    assert [change.away for change in changes] == [True, False]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_connection_that_turns_out_to_end_on_this_machine_is_not_made(
    run: Run, host: str
) -> None:
    async def send() -> Outcome:
        async with _routes(instance, local=False) as routes:
            sender = Sender("acme", relays=f"smtp://{host}:{acme.port}?tls=none")
            return await _outcome(routes, sender)

    with ScriptedRelay() as instance, ScriptedRelay() as acme:
        outcome = run(send())
    assert type(outcome) is OwnRelayFault
    assert (acme.connections, instance.accepted) == (0, 0)


def test_users_of_one_relay_are_told_apart_by_name_without_naming_them(run: Run) -> None:
    changes: list[RelayChange] = []

    async def send() -> list[str]:
        async with _routes(instance, changes=changes) as routes:
            for user in ("ada", "bob"):
                relays = f"smtp://{user}:s3cret@127.0.0.1:{acme.port}?tls=none"
                await _outcome(routes, Sender("acme", relays=relays))
            return [state.relay for state in routes.states()[1:]]

    with ScriptedRelay() as instance, ScriptedRelay(Rule(At.GREETING, "554 no")) as acme:
        names = run(send())
        assert all(name.startswith(f"127.0.0.1:{acme.port}#") for name in names)
    assert len(set(names)) == 2
    assert not any(word in str(changes) for word in ("ada", "bob", "s3cret"))


def test_relays_that_cannot_be_used_as_stored_say_so_and_nothing_is_sent(run: Run) -> None:
    async def send() -> None:
        async with _routes(instance) as routes:
            with pytest.raises(SenderUnreadable):
                await routes.deliver(a_message(), Sender("acme", relays="http://nonsense"))

    with ScriptedRelay() as instance:
        run(send())
    assert instance.accepted == 0
