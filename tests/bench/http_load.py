"""Requests to the API: ``python -m tests.bench.http_load`` with an order in JSON on its input.

Keeps so many connections busy, or sends at a steady rate, whether or not the answers keep up: then
a request waits for a free connection, and the time that it took counts from when it was due.
A process of its own; it prints what it saw as JSON.
"""

import asyncio
import json
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import count, cycle
from statistics import quantiles
from time import perf_counter, process_time
from typing import Final, cast
from uuid import uuid4

import uvloop

from tests.bench import load

_WARM_UP: Final = 0.5
"""Seconds that do not count."""
_TICK: Final = 0.001
_LAST_ANSWERS: Final = 10.0
_SUCCESS: Final = frozenset({"200", "202"})
_CLOSED: Final = "closed"
_READ: Final = "GET /management/v1/policies/notification HTTP/1.1"
_BRING: Final = "POST /v1/events HTTP/1.1"
_ID: Final = b"00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Order:
    """What to send.

    Args:
        port: Where to, on this machine.
        bearers: Token and organization of everybody who calls, in turn.
        events: How many events a request brings; 0 reads the policy.
        rate: Requests per second; 0.0 for as many as the connections carry.
        connections: How many.
        seconds: For how long.
    """

    port: int
    bearers: Sequence[tuple[str, str]]
    events: int = 0
    rate: float = 0.0
    connections: int = 16
    seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What came of it.

    Args:
        answers: How many there were of success.
        rate: The same per second, without those to what was sent first.
        p50: Median time of an answer, milliseconds.
        p99: The time that one in a hundred exceeds.
        slowest: The longest.
        failures: How many answers there were of every other status.
        processor: Part of one core that sending took.
    """

    answers: int
    rate: float
    p50: float
    p99: float
    slowest: float
    failures: dict[str, int]
    processor: float


def requests(order: Order) -> Iterator[bytes]:
    """Yield requests for ever, no event twice."""
    templates = [_template(order, bearer, org) for bearer, org in order.bearers]
    for template in cycle(templates):
        first, *pieces = template.split(_ID)
        yield first + b"".join([str(uuid4()).encode() + piece for piece in pieces])


def _template(order: Order, bearer: str, org: str) -> bytes:
    events = [load.event(_ID.decode(), org=org, number=number) for number in range(order.events)]
    body = json.dumps(events[0] if order.events == 1 else events).encode() if events else b""
    head = [
        _BRING if events else _READ,
        f"host: 127.0.0.1:{order.port}",
        f"authorization: Bearer {bearer}",
        *(("content-type: application/json", f"content-length: {len(body)}") if events else ()),
    ]
    return "\r\n".join([*head, "", ""]).encode() + body


class Connection(asyncio.Protocol):
    """One connection with one request on its way at a time.

    Args:
        answered: Is told of each answer: this connection, the status.
    """

    def __init__(self, answered: "Callable[[Connection, str], None]") -> None:
        self.due = 0.0
        self._answered = answered
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, due: float) -> None:
        """Send what was due at a time of ``perf_counter``."""
        assert self._transport is not None
        self.due = due
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, end, body = self._buffer.partition(b"\r\n\r\n")
        if not end or len(body) < int(head.lower().partition(b"content-length:")[2].split()[0]):
            return
        self._buffer = b""
        self._answered(self, head[9:12].decode())

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._answered(self, _CLOSED)

    def close(self) -> None:
        """Close; what is on its way is given up."""
        self._answered = _nobody
        if self._transport is not None:
            self._transport.close()


def _nobody(connection: Connection, status: str) -> None:
    del connection, status


@dataclass(slots=True)
class Load:
    """One order being carried out.

    Args:
        order: What to send.
        made: The requests, one after another.
    """

    order: Order
    made: Iterator[bytes]
    _taken: list[float] = field(default_factory=list)
    _failures: Counter[str] = field(default_factory=Counter)
    _idle: deque[Connection] = field(default_factory=deque)
    _waiting: deque[float] = field(default_factory=deque)
    _on_way: int = 0
    _successes: int = 0
    _counts_from: float = 0.0
    _ends: float = 0.0
    _through: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> Seen:
        """Send, and return what came of it."""
        await self._connect()
        everybody, used, begin = list(self._idle), process_time(), perf_counter()
        self._counts_from, self._ends = begin + _WARM_UP, begin + self.order.seconds
        await (self._pace(begin) if self.order.rate else self._keep_busy())
        processor = (process_time() - used) / (perf_counter() - begin)
        await self._wait_for_the_rest()
        for each in everybody:
            each.close()
        return self._seen(processor)

    def _seen(self, processor: float) -> Seen:
        points = quantiles(self._taken or [0.0, 0.0], n=100, method="inclusive")
        return Seen(
            answers=self._successes,
            rate=len(self._taken) / (self.order.seconds - _WARM_UP),
            p50=1000 * points[49],
            p99=1000 * points[98],
            slowest=1000 * max(self._taken, default=0.0),
            failures=dict(self._failures),
            processor=processor,
        )

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(self.order.connections):
            _, each = await loop.create_connection(
                lambda: Connection(self._answered), "127.0.0.1", self.order.port
            )
            self._idle.append(each)

    async def _wait_for_the_rest(self) -> None:
        self._through.clear()
        if self._on_way or self._waiting:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._through.wait(), _LAST_ANSWERS)
        if late := self._on_way + len(self._waiting):
            self._failures["none"] += late

    async def _keep_busy(self) -> None:
        while self._idle:
            self._send(self._idle.popleft(), perf_counter())
        await asyncio.sleep(self._ends - perf_counter())

    async def _pace(self, begin: float) -> None:
        dues = (begin + number / self.order.rate for number in count())
        due = next(dues)
        while (now := perf_counter()) < self._ends:
            while due <= now:
                self._waiting.append(due)
                due = next(dues)
            while self._waiting and self._idle:
                self._send(self._idle.popleft(), self._waiting.popleft())
            await asyncio.sleep(_TICK)

    def _send(self, connection: Connection, due: float) -> None:
        self._on_way += 1
        connection.send(next(self.made), due)

    def _answered(self, connection: Connection, status: str) -> None:
        now = perf_counter()
        self._on_way -= 1
        if status not in _SUCCESS:
            self._failures[status] += 1
        else:
            self._successes += 1
            if connection.due >= self._counts_from:
                self._taken.append(now - connection.due)
        if status == _CLOSED:
            return
        if self._waiting:
            self._send(connection, self._waiting.popleft())
        elif not self.order.rate and now < self._ends:
            self._send(connection, now)
        else:
            self._idle.append(connection)
        if not self._on_way:
            self._through.set()


if __name__ == "__main__":
    ordered = Order(**json.load(sys.stdin))
    print(json.dumps(asdict(uvloop.run(Load(ordered, requests(ordered)).run()))))
