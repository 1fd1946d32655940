"""How a worker's report is written in the store: JSON, times in microseconds since 1970."""

import json
from dataclasses import asdict
from typing import Any

from dispatcher.adapters.store.codec import from_microseconds, to_microseconds
from dispatcher.errors import StoreUnavailable
from dispatcher.workforce import RelayReport, WorkerReport


def encode(worker: WorkerReport) -> str:
    """Return a report as it is written."""
    times = {
        "started_at": to_microseconds(worker.started_at),
        "reported_at": to_microseconds(worker.reported_at),
    }
    return json.dumps(asdict(worker) | times)


def decode(text: bytes | str) -> WorkerReport:
    """Return the report that is written so; what a newer version adds is left out.

    Raises:
        StoreUnavailable: It is broken.
    """
    try:
        said = json.loads(text)
        return WorkerReport(
            name=said["name"],
            version=said["version"],
            started_at=from_microseconds(str(said["started_at"]).encode()),
            reported_at=from_microseconds(str(said["reported_at"]).encode()),
            concurrency=said["concurrency"],
            in_flight=said["in_flight"],
            rates=said["rates"],
            relays=tuple(_relay(one) for one in said["relays"]),
        )
    except (ValueError, LookupError, TypeError) as error:
        raise StoreUnavailable("a worker's report in the store is broken") from error


def _relay(said: dict[str, Any]) -> RelayReport:
    return RelayReport(**{name: said[name] for name in RelayReport.__slots__ if name in said})
