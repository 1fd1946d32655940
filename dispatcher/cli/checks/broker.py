"""The broker: can its queues be reached, and does anyone consume them?"""

from collections.abc import Iterator, Mapping
from typing import Final

from celery import Celery
from kombu.exceptions import OperationalError

from dispatcher.adapters.broker.backlog import waiting
from dispatcher.cli.checks.finding import Finding, Health, place

_PATIENCE: Final = 2.0
"""Seconds that workers have to answer."""


def check_broker(app: Celery, url: str) -> Iterator[Finding]:
    """Yield how the broker, its queues and their consumers are."""
    try:
        with app.connection_for_read() as connection:
            connection.ensure_connection(max_retries=1, timeout=_PATIENCE)
            yield Finding(Health.OK, "broker", f"{place(url)} answers")
            yield from _consumers(app, waiting(app, connection))
    except (OperationalError, OSError) as error:
        reason = type(error.__cause__ or error).__name__
        mend = "start it, or mend DISPATCHER_BROKER_URL"
        yield Finding(Health.FAIL, "broker", f"{place(url)}: {reason}", mend)


def _consumers(app: Celery, counts: Mapping[str, int]) -> Iterator[Finding]:
    answers = app.control.inspect(timeout=_PATIENCE).active_queues() or {}
    consumed = {queue["name"] for queues in answers.values() for queue in queues}
    for queue, count in counts.items():
        found = f"{count} waiting" if count else "empty"
        if queue in consumed:
            workers = sum(
                any(each["name"] == queue for each in queues) for queues in answers.values()
            )
            consumers = "1 worker consumes" if workers == 1 else f"{workers} workers consume"
            yield Finding(Health.OK, f"queue {queue}", f"{found}, {consumers} it")
        else:
            mend = "start one: `dispatcher worker`"
            yield Finding(Health.WARN, f"queue {queue}", f"{found}, no worker answers", mend)
