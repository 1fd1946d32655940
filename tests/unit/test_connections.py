"""Connections: one that cannot work is refused, and a secret is replaced without a gap."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.connections import Connections
from dispatcher.errors import ConnectionNotFound, InvalidConnection
from tests.builders import StandingClock

DAY = 86_400.0


class Secrets:
    """Makes secrets that can be told apart; none for kinds whose IAM makes them."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, connection: Connection) -> str | None:
        if connection.kind == "zitadel":
            return None
        self.made += 1
        return f"secret {self.made}"


def _mistakes(connection: Connection) -> Sequence[str]:
    return [] if connection.organizations else ["it may speak for nobody", "and another one"]


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


@pytest.fixture
def connections(clock: StandingClock) -> Connections:
    return Connections(MemoryConnectionStore(), clock, _mistakes, Secrets())


def a_connection(name: str = "okta", kind: str = "okta", *secrets: str) -> Connection:
    return Connection(name, kind, organizations=frozenset({"acme"}), secrets=secrets)


def test_a_connection_without_a_secret_is_given_one_which_is_shown_once(
    connections: Connections, clock: StandingClock
) -> None:
    added = asyncio.run(connections.add(a_connection()))
    assert added.secret == "secret 1"
    assert "secret 1" not in repr(added)
    kept = asyncio.run(connections.get("okta"))
    assert kept == added.connection
    assert kept.secrets == ("secret 1",)
    assert kept.secret_times == (clock.now(),)
    assert kept.changed_at == clock.now()


def test_a_secret_that_the_iam_handed_out_is_taken_and_not_shown(connections: Connections) -> None:
    added = asyncio.run(connections.add(a_connection("z", "zitadel", "signing key")))
    assert added.secret == ""
    assert added.connection.secrets == ("signing key",)


def test_of_two_connections_one_name_is_not_enough(connections: Connections) -> None:
    asyncio.run(connections.add(a_connection()))
    with pytest.raises(InvalidConnection, match="okta already"):
        asyncio.run(connections.add(a_connection(kind="zitadel")))
    assert asyncio.run(connections.get("okta")).kind == "okta"


def test_every_mistake_is_named_and_nothing_is_kept(connections: Connections) -> None:
    speechless = replace(a_connection(), organizations=frozenset())
    with pytest.raises(InvalidConnection, match="nobody\nand another one"):
        asyncio.run(connections.add(speechless))
    assert list(asyncio.run(connections.names())) == []
    asyncio.run(connections.add(a_connection()))
    with pytest.raises(InvalidConnection):
        asyncio.run(connections.change("okta", lambda _old: speechless))
    assert asyncio.run(connections.get("okta")).organizations == {"acme"}


def test_a_change_leaves_the_secrets_and_their_age(
    connections: Connections, clock: StandingClock
) -> None:
    asyncio.run(connections.add(a_connection()))
    before = clock.now()
    clock.advance(DAY)
    directory = DirectoryAccess("okta", "https://acme.okta.example", "token")
    changed = asyncio.run(connections.change("okta", lambda old: replace(old, directory=directory)))
    assert changed.directory == directory
    assert changed.secret_times == (before,)
    assert changed.changed_at == clock.now()


def test_while_a_secret_is_replaced_the_old_one_counts_until_it_is_dropped(
    connections: Connections, clock: StandingClock
) -> None:
    asyncio.run(connections.add(a_connection()))
    clock.advance(DAY)
    rotated = asyncio.run(connections.rotate("okta"))
    assert rotated.secret == "secret 2"
    assert rotated.connection.secrets == ("secret 2", "secret 1")
    newest, oldest = rotated.connection.secret_times
    assert newest - oldest == timedelta(days=1)
    dropped = asyncio.run(connections.drop_old("okta"))
    assert (dropped.secrets, dropped.secret_times) == (("secret 2",), (newest,))


def test_a_private_key_and_a_shared_secret_do_not_replace_each_other(
    connections: Connections,
) -> None:
    private_keys = ("-----BEGIN PRIVATE KEY-----\nnew", "-----BEGIN PRIVATE KEY-----\nold")
    asyncio.run(connections.add(a_connection("z", "zitadel", private_keys[1], "old")))
    for secret in (private_keys[0], "new"):
        asyncio.run(connections.rotate("z", secret))
    assert asyncio.run(connections.drop_old("z")).secrets == ("new", private_keys[0])


def test_a_secret_that_is_handed_out_is_the_newest_even_if_it_was_known(
    connections: Connections,
) -> None:
    asyncio.run(connections.add(a_connection("z", "zitadel", "new", "old")))
    rotated = asyncio.run(connections.rotate("z", "old"))
    assert rotated.connection.secrets == ("old", "new")
    assert rotated.secret == ""


def test_where_the_iam_hands_out_secrets_none_is_made(connections: Connections) -> None:
    asyncio.run(connections.add(a_connection("z", "zitadel", "signing key")))
    with pytest.raises(InvalidConnection, match="hands out"):
        asyncio.run(connections.rotate("z"))
    assert asyncio.run(connections.get("z")).secrets == ("signing key",)


def test_what_is_not_there_is_neither_shown_nor_changed_nor_removed(
    connections: Connections,
) -> None:
    for asked in (
        connections.get("okta"),
        connections.change("okta", lambda old: old),
        connections.rotate("okta"),
        connections.rotate("okta", "secret"),
        connections.drop_old("okta"),
        connections.remove("okta"),
    ):
        with pytest.raises(ConnectionNotFound):
            asyncio.run(asked)


def test_a_removed_connection_is_gone(connections: Connections) -> None:
    asyncio.run(connections.add(a_connection()))
    asyncio.run(connections.remove("okta"))
    assert list(asyncio.run(connections.names())) == []


def test_how_many_were_encrypted_anew_is_told() -> None:
    class Sealed(MemoryConnectionStore):
        async def reseal(self, name: str) -> bool:
            return name != "b"

    store = Sealed(a_connection(name) for name in "abc")
    connections = Connections(store, StandingClock(), _mistakes, Secrets())
    assert asyncio.run(connections.reseal()) == 2
