"""Rate limits: failed tries are counted per address, calls per caller.

Each process counts for itself, in memory that does not grow beyond a bound: a limit must hold
while the store is away, and must not cost a question to it.
"""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter

from dispatcher.access import Caller
from dispatcher.errors import RateLimited
from dispatcher.web.gate import Call

Network = IPv4Network | IPv6Network

_MOST_COUNTERS: Final = 100_000
_MOST_VOUCHED: Final = 10_000
_SITE: Final = 64
"""Bits of an IPv6 address that name a site: within it everybody may choose addresses."""

_MOST_SITES: Final = 4_096
"""Whose site is remembered: most calls come from a few addresses."""

_MOST_HOPS: Final = 16


class Counters(Storage):
    """Counts in memory, the longest unused forgotten first; the library's own scans all each time.

    Args:
        most: How many counters to keep.
        now: Tells the time, seconds.
    """

    STORAGE_SCHEME = None

    def __init__(self, most: int = _MOST_COUNTERS, now: Callable[[], float] = monotonic) -> None:
        super().__init__()
        self._most = most
        self._now = now
        self._counters: OrderedDict[str, tuple[int, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._counters)

    @property
    def base_exceptions(self) -> type[Exception]:
        """Return what may be raised: nothing of its own."""
        return ValueError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count, and return how many it has been since the counter began."""
        count, ends = self._current(key)
        if not count:
            ends = self._now() + expiry
        self._counters[key] = count + amount, ends
        self._counters.move_to_end(key)
        if len(self._counters) > self._most:
            self._counters.popitem(last=False)
        return count + amount

    def get(self, key: str) -> int:
        """Return how many it has been."""
        return self._current(key)[0]

    def get_expiry(self, key: str) -> float:
        """Return when counting begins anew, on the clock given."""
        return self._current(key)[1]

    def check(self) -> bool:
        """Return that it works."""
        return True

    def reset(self) -> int:
        """Forget all counters; return how many."""
        count = len(self._counters)
        self._counters.clear()
        return count

    def clear(self, key: str) -> None:
        """Forget a counter."""
        self._counters.pop(key, None)

    def _current(self, key: str) -> tuple[int, float]:
        now = self._now()
        count, ends = self._counters.get(key, (0, now))
        return (count, ends) if ends > now else (0, now)


class TokenAndAddressLimits:
    """Refuses who calls too often.

    Before authentication an address is refused once it failed too often; but whoever presents
    what was valid lately is let through all the same: a neighbour behind the same proxy that
    goes on trying shall not lock everybody out.

    Args:
        token: How many calls one caller has, such as ``6000/minute``; "" for any number.
        address: How many failed tries one address has; "" for any number.
        proxies: Networks of reverse proxies whose ``x-forwarded-for`` is believed.
        most: How many counters are kept at a time.
        now: Tells the time, seconds.
    """

    def __init__(
        self,
        *,
        token: str = "",
        address: str = "",
        proxies: Sequence[Network] = (),
        most: int = _MOST_COUNTERS,
        now: Callable[[], float] = monotonic,
    ) -> None:
        self._calls = _Limit("caller", token, most, now)
        self._failures = _Limit("address", address, most, now)
        self._proxies = proxies
        self._vouched: OrderedDict[bytes, None] = OrderedDict()

    async def before(self, call: Call) -> None:
        """Let a call through to authentication, or not.

        Raises:
            RateLimited: Its address failed too often.
        """
        wait = self._failures.wait(self._address(call))
        if wait and not (call.authorization and _mark(call.authorization) in self._vouched):
            raise RateLimited("too many failed tries from this address", retry_after=wait)

    async def refused(self, call: Call) -> None:
        """Count a call that brought nothing valid."""
        if call.authorization:
            self._vouched.pop(_mark(call.authorization), None)
        self._failures.count(self._address(call))

    async def after(self, call: Call, caller: Caller) -> None:
        """Count a call of a known caller.

        Raises:
            RateLimited: There were too many.
        """
        if call.authorization:
            self._vouch(_mark(call.authorization))
        wait = self._calls.count(caller.id)
        if wait:
            raise RateLimited("too many calls with this token", retry_after=wait)

    def _vouch(self, mark: bytes) -> None:
        self._vouched[mark] = None
        self._vouched.move_to_end(mark)
        if len(self._vouched) > _MOST_VOUCHED:
            self._vouched.popitem(last=False)

    def _address(self, call: Call) -> str:
        return site_of(client_address(call.address, call.forwarded, self._proxies))


class _Limit:
    """One limit of the library's kind, or none."""

    def __init__(self, name: str, rate: str, most: int, now: Callable[[], float]) -> None:
        self._name = name
        self._rate: RateLimitItem | None = parse(rate) if rate else None
        self._limiter = FixedWindowRateLimiter(Counters(most, now))
        self._now = now

    def wait(self, who: str) -> float:
        """Return how many seconds there is nothing left to use; 0.0 where there is."""
        if self._rate is None or self._limiter.test(self._rate, self._name, who):
            return 0.0
        return self._left(self._rate, who)

    def count(self, who: str) -> float:
        """Count one; return as :meth:`wait` does where it was one too many."""
        if self._rate is None or self._limiter.hit(self._rate, self._name, who):
            return 0.0
        return self._left(self._rate, who)

    def _left(self, rate: RateLimitItem, who: str) -> float:
        ends, _ = self._limiter.get_window_stats(rate, self._name, who)
        return max(1.0, ends - self._now())


def parse_networks(text: str) -> Sequence[Network]:
    """Return the networks of a list that the settings have checked, separated by commas."""
    return [ip_network(part.strip()) for part in text.split(",") if part.strip()]


def client_address(peer: str, forwarded: str, proxies: Sequence[Network]) -> str:
    """Return the client's address: the peer's, or what trusted proxies say that theirs was.

    ``x-forwarded-for`` is read from its end, where the proxies wrote: what the client put there
    itself stands before.

    Args:
        peer: The connection's other end.
        forwarded: The header; "" where there is none.
        proxies: Whom to believe.
    """
    hops = forwarded.split(",")[-_MOST_HOPS:] if forwarded else []
    client = peer
    while hops and _is_in(client, proxies):
        hop = hops.pop().strip()
        if _parsed(hop) is None:
            break
        client = hop
    return client


@lru_cache(maxsize=_MOST_SITES)
def site_of(address: str) -> str:
    """Return what an address counts as: itself, or its site's network for IPv6."""
    parsed = _parsed(address)
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ip_network((int(parsed), _SITE), strict=False))
    return address if parsed is None else str(parsed)


def _is_in(address: str, networks: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    if parsed is None:
        return False
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    return any(parsed in network for network in networks)


def _parsed(address: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(address)
    except ValueError:
        return None


def _mark(authorization: str) -> bytes:
    return sha256(authorization.encode(errors="surrogatepass")).digest()
