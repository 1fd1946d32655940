"""From an IAM's webhook to the relay's 250, at a steady rate."""

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import quantiles
from typing import Final

from tests.bench import contenders as who
from tests.bench import load
from tests.bench.chapters_api import port_of
from tests.bench.contenders import Stage
from tests.bench.hook_load import Hook
from tests.bench.http_load import Order, Seen
from tests.bench.lanes import Run
from tests.bench.race import running, stage
from tests.bench.series import Claim, Figure, Series

_RATE: Final = 200
_SECONDS, _QUICK_SECONDS = 20.0, 6.0
_WARM_UP: Final = 100
"""Mails that do not count."""
_HOOK: Final = Hook("bench", f"whsec_{b64encode(bytes(range(32))).decode()}", load.org_name(0))
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Door:
    """One process of the API with a connection, and one worker."""

    here: Stage
    port: int

    def knock(self, seconds: float) -> tuple[Seen, list[float]]:
        """Send webhooks; return what their sender saw, and each mail's milliseconds."""
        order = Order(self.port, (), rate=_RATE, seconds=seconds)
        asked = json.dumps({"order": asdict(order), "hook": asdict(_HOOK)})
        command = (sys.executable, "-m", "tests.bench.hook_load")
        sent = subprocess.run(
            command, input=asked, stdout=subprocess.PIPE, text=True, check=True, cwd=_ROOT
        )
        seen = Seen(**json.loads(sent.stdout))
        if seen.failures:
            raise ChildProcessError(f"answers that are no success: {seen.failures}")
        return seen, [self._milliseconds() for _ in range(seen.answers)]

    def _milliseconds(self) -> float:
        recipient, taken = self.here.sink.stamp()
        return taken * 1000 - int(recipient.partition("@")[0]) / 1e6


def hooks(run: Run) -> Figure:
    """Measure from a webhook's sending to its answer, and to the relay's 250."""
    seconds = _QUICK_SECONDS if run.quick else _SECONDS
    names = ("answer, p99", "relay's 250, p50", "relay's 250, p99", "relay's 250, slowest")
    answer, median, p99, slowest = (Series(name, "ms") for name in names)
    with _open_door(run) as door:
        for number in range(1, run.rounds + 1):
            run.tell(f"webhooks at {_RATE}/s, round {number}")
            seen, found = door.knock(seconds)
            points = quantiles(found[_WARM_UP:], n=100, method="inclusive")
            for series, value in (
                (answer, seen.p99),
                (median, points[49]),
                (p99, points[98]),
                (slowest, max(found[_WARM_UP:])),
            ):
                series.values.append(value)
    claims = [Claim(f"webhook → 250, p99 at {_RATE}/s", 100, p99.median, at_least=False, unit="ms")]
    note = "Signed as Standard Webhooks has it; 1 process of the API, 1 worker."
    title = f"From the webhook to the relay's 250, at {_RATE}/s"
    return Figure("hooks", title, [answer, median, p99, slowest], claims, [note])


@contextmanager
def _open_door(run: Run) -> Iterator[Door]:
    with stage(run.templates, "--stamps") as here:
        connections = here.folder / "connections.toml"
        connections.write_text(
            f'[[connection]]\nname = "{_HOOK.name}"\nkind = "standard-webhooks"\n'
            f'organizations = ["{_HOOK.org_id}"]\nsecret_file = "bench.key"\n',
            encoding="utf-8",
        )
        (here.folder / "bench.key").write_text(_HOOK.secret)
        anywhere = "127.0.0.1:0"
        worker = who.ours(
            1, http_bind=anywhere, grpc_bind=anywhere, connections_file=str(connections)
        )
        commands = [(sys.executable, "-m", "dispatcher", name) for name in ("api", "worker")]
        contender = replace(worker, name="the API", commands=commands)
        load.keep_policies(here.valkey.url, 1)
        with running(contender, here) as supervisors:
            door = Door(here, port_of(here, supervisors))
            door.knock(1.0)
            yield door
