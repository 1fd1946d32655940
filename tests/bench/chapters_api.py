"""The API under load, a worker consuming what it takes in beside it."""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from dispatcher.access import Role
from dispatcher.adapters.store.connection import connect
from dispatcher.adapters.store.valkey_tokens import ValkeyTokenStore
from dispatcher.bootstrap import SystemClock
from dispatcher.tokens import Tokens
from tests.bench import contenders as who
from tests.bench import load
from tests.bench.contenders import Stage
from tests.bench.http_load import Order, Seen
from tests.bench.lanes import Lane, Run, interleave
from tests.bench.race import LOG, check_alive, running, stage
from tests.bench.series import Claim, Figure, Series
from tests.bench.servers import PATIENCE, cpu_seconds, family, resident, wait_until

_READS, _EVENTS, _P99 = 2_000, 1_000, 50.0
_ORGS: Final = 100
_LIST: Final = 100
_MB: Final = 1_000_000
_ROOT: Final = Path(__file__).parents[2]


@dataclass(slots=True)
class Api:
    """One process of the API, and one worker.

    Args:
        here: Their servers.
        place: Where, whose.
        supervisors: The programs that keep them alive: the API's, the worker's.
        memory: The API's most resident bytes.
        sender: The largest part of a core that sending took.
        processor: Microseconds of the API's processor time per read or event, most lately.
    """

    here: Stage
    place: Order
    supervisors: "Sequence[subprocess.Popen[bytes]]"
    memory: int = 0
    sender: float = 0.0
    processor: float = 0.0

    def send(self, *, events: int = 0, rate: float = 0.0, seconds: float) -> Seen:
        """Send requests; return what came of it, once the worker has settled all events.

        Raises:
            ChildProcessError: Not every answer was one of success.
        """
        used = self._used()
        order = replace(self.place, events=events, rate=rate, seconds=seconds)
        command = (sys.executable, "-m", "tests.bench.http_load")
        sent = subprocess.run(
            command,
            input=json.dumps(asdict(order)),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=_ROOT,
        )
        seen = Seen(**json.loads(sent.stdout))
        check_alive(self.supervisors, self.here)
        self.memory = max(self.memory, *map(resident, self._processes()))
        self.sender = max(self.sender, seen.processor)
        if seen.failures:
            raise ChildProcessError(f"answers that are no success: {seen.failures}")
        wait_until(self._is_quiet, "the worker has settled what came in")
        self.processor = (self._used() - used) / (seen.answers * (events or 1)) * 1e6
        return seen

    def _processes(self) -> list[int]:
        return family(self.supervisors[0].pid)[1:]

    def _used(self) -> float:
        return sum(map(cpu_seconds, self._processes()))

    def _is_quiet(self) -> bool:
        client = self.here.valkey.client
        return not (load.waiting(client) or client.exists("unacked", "nd:due"))


def api(run: Run) -> Figure:
    """Measure reading policies and bringing events, as fast as it goes and at steady rates."""
    seconds = 2.5 if run.quick else 6.0
    with _api_running(run) as here:
        cost_of_read, reads = _most(here, "policy reads", 0, seconds)
        cost_of_event, events = _most(here, "events, one in a request", 1, seconds)
        cost_in_list, lists = _most(here, f"events, {_LIST} in a request", _LIST, seconds)
        median_read, steady_reads = _steady(here, "policy reads", _READS, 0, seconds)
        median_event, steady_events = _steady(here, "events one by one", _EVENTS, 1, seconds)
        durable = Lane(
            Series(f"{lists.series.name}, appendfsync always", "/s"),
            lambda: _durable(run, seconds),
        )
        lanes = [reads, events, lists, durable, steady_reads, steady_events]
        series = interleave(run, lanes)
    claims = [
        Claim("policy reads", _READS, reads.series.median, unit="/s"),
        Claim("events, one in a request", _EVENTS, events.series.median, unit="/s"),
        _in_time(f"a policy read, p99 at {_READS:,}/s", steady_reads.series),
        _in_time(f"an event, p99 at {_EVENTS:,}/s", steady_events.series),
    ]
    note = (
        f"{_ORGS} callers over {here.place.connections} connections to 1 process; 1 worker beside "
        f"it mails what comes in. At a steady rate, an answer's time counts from when its request "
        f"was due. The process had {here.memory / _MB:.0f} MB at most; sending took up to "
        f"{here.sender:.0%} of a core."
    )
    series += [median_read, median_event, cost_of_read, cost_of_event, cost_in_list]
    return Figure("api", "The API, 1 process", series, claims, [note])


def _in_time(text: str, p99: Series) -> Claim:
    return Claim(text, _P99, p99.median, at_least=False, unit="ms")


def _most(on: Api, name: str, events: int, seconds: float) -> tuple[Series, Lane]:
    """Return the series of processor times, and the lane of the rates."""
    cost = Series(f"{name}: processor time", "µs")

    def measure() -> float:
        rate = on.send(events=events, seconds=seconds).rate
        cost.values.append(on.processor)
        return rate * (events or 1)

    return cost, Lane(Series(name, "/s"), measure)


def _steady(on: Api, what: str, rate: int, events: int, seconds: float) -> tuple[Series, Lane]:
    """Return the series of the medians, and the lane of the 99th percentiles."""
    name = f"{what} at {rate:,}/s"
    median = Series(f"{name}, p50", "ms")

    def measure() -> float:
        seen = on.send(events=events, rate=rate, seconds=seconds)
        median.values.append(seen.p50)
        return seen.p99

    return median, Lane(Series(f"{name}, p99", "ms"), measure)


def _durable(run: Run, seconds: float) -> float:
    with _api_running(run, fsync="always") as on:
        return on.send(events=_LIST, seconds=seconds).rate * _LIST


@contextmanager
def _api_running(run: Run, *, fsync: str = "everysec") -> Iterator[Api]:
    """Run one process of the API and one worker, on servers of their own."""
    programs = ("api", "worker")
    contender = replace(
        who.ours(
            1, http_bind="127.0.0.1:0", grpc_bind="127.0.0.1:0", rate_limit_token="", orgs=_ORGS
        ),
        name="the API",
        commands=[(sys.executable, "-m", "dispatcher", name) for name in programs],
    )
    with stage(run.templates, fsync=fsync) as here:
        load.keep_policies(here.valkey.url, _ORGS)
        bearers = asyncio.run(_tokens(here.valkey.url))
        with running(contender, here) as supervisors:
            port = port_of(here, supervisors)
            on = Api(here, Order(port, bearers), supervisors)
            # The worker is up when this is through; and so is everybody's first request.
            on.send(events=1, rate=50.0, seconds=1.5)
            yield on


async def _tokens(url: str) -> Sequence[tuple[str, str]]:
    client = connect(url)
    tokens = Tokens(ValkeyTokenStore(client), SystemClock())
    names = [load.org_name(number) for number in range(_ORGS)]
    issued = [await tokens.issue(org_id=name, roles={Role.ORG_OWNER}) for name in names]
    await tokens.close()
    await client.aclose()
    return [(each.text, name) for each, name in zip(issued, names, strict=True)]


def port_of(here: Stage, supervisors: "Sequence[subprocess.Popen[bytes]]") -> int:
    """Return where the API listens, once it answers."""
    found: list[str] = []

    def listens() -> bool:
        check_alive(supervisors, here)
        found[:] = re.findall(r"HTTP at http://127\.0\.0\.1:(\d+)", said.read_text())
        return bool(found) and _answers(int(found[0]))

    said = here.folder / LOG
    wait_until(listens, "the API answers")
    return int(found[0])


def _answers(port: int) -> bool:
    with closing(HTTPConnection("127.0.0.1", port, timeout=PATIENCE)) as connection:
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == HTTPStatus.OK
        except OSError:
            return False
