"""Rate limits, on a clock of the test's own."""

import asyncio
from dataclasses import dataclass, field, replace
from ipaddress import ip_network

import pytest

from dispatcher.access import Caller, Role
from dispatcher.errors import RateLimited, Unauthenticated, UntrustedEvent
from dispatcher.web.gate import Call, Gate, NoRateLimits
from dispatcher.web.rate_limit import (
    Counters,
    TokenAndAddressLimits,
    client_address,
    parse_networks,
    site_of,
)

ACME = Caller("token:1", "acme", frozenset({Role.ORG_OWNER}))
GLOBEX = Caller("token:2", "globex", frozenset({Role.ORG_OWNER}))


@dataclass
class Door:
    """A gate that knows two callers, and a clock that stands."""

    token: str = ""
    address: str = ""
    time: float = 1_000.0
    known: dict[str, Caller] = field(default_factory=lambda: {"acme": ACME, "globex": GLOBEX})

    def __post_init__(self) -> None:
        self.limits = TokenAndAddressLimits(
            token=self.token, address=self.address, now=lambda: self.time
        )
        self.gate = Gate(self, self.limits)

    async def authenticate(self, authorization: str | None) -> Caller:
        if authorization not in self.known:
            raise Unauthenticated("Errors.Token.Invalid")
        return self.known[authorization]

    def knock(self, authorization: str | None, address: str = "192.0.2.1") -> Caller:
        return asyncio.run(self.gate.caller(Call(authorization, address=address)))

    def fail(self, times: int = 1, address: str = "192.0.2.1") -> None:
        for _ in range(times):
            with pytest.raises(Unauthenticated):
                self.knock("wrong", address)


def test_a_caller_has_so_many_calls_and_is_told_when_to_come_again() -> None:
    door = Door(token="3/minute")
    for _ in range(3):
        assert door.knock("acme") is ACME
    door.time += 20
    with pytest.raises(RateLimited) as refused:
        door.knock("acme")
    assert refused.value.retry_after == 40
    assert door.knock("globex") is GLOBEX
    door.time += 40
    assert door.knock("acme") is ACME


def test_an_address_that_failed_too_often_waits() -> None:
    door = Door(address="3/minute")
    door.fail(3)
    with pytest.raises(RateLimited) as refused:
        door.knock("wrong")
    assert refused.value.retry_after == 60
    with pytest.raises(RateLimited):
        door.knock("acme")
    assert door.knock("acme", "192.0.2.2") is ACME
    door.time += 60
    assert door.knock("acme") is ACME


def test_who_succeeded_lately_is_not_locked_out_by_a_neighbour() -> None:
    door = Door(address="3/minute")
    door.knock("acme")
    door.fail(3)
    assert door.knock("acme") is ACME
    with pytest.raises(RateLimited):
        door.knock("globex")


def test_what_was_revoked_counts_as_a_failure_and_vouches_no_more() -> None:
    door = Door(address="3/minute")
    door.knock("acme")
    door.fail(3)
    del door.known["acme"]
    with pytest.raises(Unauthenticated):
        door.knock("acme")
    with pytest.raises(RateLimited):
        door.knock("acme")


def test_successes_are_not_counted_against_an_address() -> None:
    door = Door(address="1/hour")
    for _ in range(10):
        door.knock("acme")
    door.fail()


def test_calls_without_a_header_count_and_never_vouch() -> None:
    door = Door(address="2/minute")
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            door.knock(None)
    with pytest.raises(RateLimited):
        door.knock(None)


def test_a_bad_signature_counts_like_a_bad_token() -> None:
    door = Door(address="2/minute")

    async def nobody() -> Caller:
        raise UntrustedEvent("no signature fits")

    call = Call(None, address="192.0.2.9")
    for _ in range(2):
        with pytest.raises(UntrustedEvent):
            asyncio.run(door.gate.let_in(call, nobody))
    with pytest.raises(RateLimited):
        asyncio.run(door.gate.let_in(call, nobody))


def test_limits_can_be_off() -> None:
    door = Door()
    for _ in range(50):
        door.fail()
        door.knock("acme")
    asyncio.run(Gate(door, NoRateLimits()).caller(Call("acme")))


def test_ever_new_addresses_and_callers_cost_no_more_than_so_much() -> None:
    door = Door(token="5/minute", address="5/minute")
    limits = TokenAndAddressLimits(token="5/minute", address="5/minute", most=10)

    async def story() -> None:
        for number in range(200):
            call = Call(f"token {number}", address=f"198.51.100.{number}")
            await limits.refused(call)
            await limits.after(call, replace(ACME, id=str(number)))

    asyncio.run(story())
    for limit in (limits._calls, limits._failures):
        counters = limit._limiter.storage
        assert isinstance(counters, Counters)
        assert len(counters) == 10
    assert door.knock("acme") is ACME


def test_counters_forget_what_was_used_longest_ago() -> None:
    counters = Counters(2, lambda: 0.0)
    for key in ("a", "b", "a", "c"):
        counters.incr(key, 60)
    assert [counters.get(key) for key in "abc"] == [2, 0, 1]
    counters.clear("a")
    assert counters.get("a") == 0
    assert counters.check()
    assert counters.reset() == 1


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", "", "203.0.113.7"),
        ("203.0.113.7", "192.0.2.1", "203.0.113.7"),
        ("10.0.0.1", "192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "192.0.2.66, 192.0.2.1", "192.0.2.1"),
        ("10.0.0.1", "192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "192.0.2.1, nonsense", "10.0.0.1"),
        ("::ffff:10.0.0.1", "2001:db8::1", "2001:db8::1"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("", "192.0.2.1", ""),
    ],
)
def test_a_forwarded_address_is_believed_of_trusted_proxies_only(
    peer: str, forwarded: str, client: str
) -> None:
    assert client_address(peer, forwarded, [ip_network("10.0.0.0/8")]) == client


@pytest.mark.parametrize(
    ("address", "site"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unix", "unix"),
    ],
)
def test_an_ipv6_address_counts_as_its_site(address: str, site: str) -> None:
    assert site_of(address) == site


def test_networks_are_read_from_a_list() -> None:
    assert parse_networks("10.0.0.0/8, ::1,") == [ip_network("10.0.0.0/8"), ip_network("::1")]
    assert parse_networks("") == []
