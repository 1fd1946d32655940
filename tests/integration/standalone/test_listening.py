"""Several processes at one address."""

import socket

import pytest

from dispatcher.adapters.standalone.listening import Address, held, listen
from dispatcher.errors import ConfigError

ANY = Address("127.0.0.1", 0)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:8080", Address("127.0.0.1", 8080)),
        ("[::1]:0", Address("::1", 0)),
        ("localhost:80", Address("localhost", 80)),
    ],
)
def test_reads_and_writes_an_address(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert str(address) == text
    assert address.is_loopback


@pytest.mark.parametrize(
    "text", ["", "8080", "host", "host:", "host:x", "host:70000", "u@h:1", "h:1/"]
)
def test_refuses_what_is_no_address(text: str) -> None:
    with pytest.raises(ConfigError, match="expected host:port"):
        Address.parse(text)


def test_only_loopback_is_loopback() -> None:
    assert not Address("0.0.0.0", 1).is_loopback
    assert not Address("example.org", 1).is_loopback


def test_several_listen_at_an_address_that_is_held() -> None:
    with held(ANY) as place:
        assert place.port
        with listen(place), listen(place), socket.create_connection((place.host, place.port)):
            pass


def test_an_address_that_is_held_lets_nobody_in_by_itself() -> None:
    with held(ANY) as place, pytest.raises(ConnectionRefusedError):
        socket.create_connection((place.host, place.port))


def test_a_second_system_at_the_same_address_is_refused() -> None:
    with (
        held(ANY) as place,
        listen(place),
        pytest.raises(ConfigError, match="cannot listen at 127"),
        held(place),
    ):
        pass


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ConfigError, match="cannot listen at"):
        listen(Address("192.0.2.1", 1))
    with pytest.raises(ConfigError, match="cannot listen at"):
        listen(Address("nowhere.invalid", 1))
