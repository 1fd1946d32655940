"""What the canary's task does, and what a worker's process is among its fellows by it."""

import asyncio
from typing import Final

from celery import Celery

from dispatcher.adapters.broker.backlog import backlog
from dispatcher.adapters.broker.canary import Beat, Canary
from dispatcher.adapters.monitoring.vitals import Role
from dispatcher.bootstrap_worker import Services
from dispatcher.errors import StoreUnavailable
from dispatcher.monitor.member import Part

_PING_TIME: Final = 2.0
"""Seconds in which the store has to answer a canary."""


def part_of(app: Celery, canary: Canary) -> Part:
    """Return the part of this process: it is the worker, or one that its pool has forked."""
    if not canary.is_here:
        return Part(f"{canary.node}-pool", Role.CHILD)
    return Part(
        canary.node,
        Role.WORKER,
        reason=canary.reason,
        canary=lambda: canary.seconds,
        backlog=lambda: backlog(app),
        tells_tokens=True,
    )


async def take_in(services: Services, beat: Beat, sent_at: float) -> None:
    """Note that a canary that was sent then came back, if the store answers, too."""
    try:
        async with asyncio.timeout(_PING_TIME):
            await services.ready()
    except (StoreUnavailable, TimeoutError):
        beat.met_no_store()
    else:
        beat.came_back(sent_at)
