"""Every recorded call, over HTTP: its answer, and what of it is in the ledger afterwards."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.adapters.store.memory_formers import MemoryFormerAddressStore
from dispatcher.connections import Connections
from dispatcher.delivery import DeliveryFilter
from dispatcher.formers import Formers
from dispatcher.policy import Manner
from dispatcher.reception import Reception
from dispatcher.web.app import create_app
from dispatcher.web.gate import NoRateLimits
from dispatcher.web.hook_routes import HOOK_BODIES, HookDesk, hook_router
from dispatcher.web.intake import Bounds
from tests.builders import Witness
from tests.calls import Case, cases
from tests.contract.http_api.office import MemoryQueue, an_ingest
from tests.contract.policy_api.installation import Installation

_CASES = cases()


class Desk:
    """The hooks' desk, whose reception is another one for each call."""

    reception: Reception

    async def take(self, request: Request) -> Response:
        return await HookDesk(self.reception, NoRateLimits()).take(request)


@pytest.fixture(scope="module")
def desk() -> Desk:
    return Desk()


@pytest.fixture(scope="module")
def app(desk: Desk) -> FastAPI:
    desks = Installation(Manner.SETTING).desks()
    bounds = Bounds(bodies=HOOK_BODIES)
    return create_app(replace(desks, routers=(hook_router(desk),), bounds=bounds))


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_a_recorded_call_is_answered_and_durable(case: Case, desk: Desk, app: FastAPI) -> None:
    installation, witness = Installation(Manner.SETTING), Witness()
    desk.reception = reception_of(case, installation, witness)
    answer, kept = asyncio.run(call(case, app, installation))
    expected = {"body": None} | case.expected["reply"]
    assert answer.status_code == expected["status"]
    assert (answer.json() if answer.content else None) == expected["body"]
    assert sorted(kept) == sorted(event["id"] for event in case.expected.get("events", []))
    assert witness.calls[case.connection.name, "ignored"] == case.expected.get("ignored", 0)


def reception_of(case: Case, installation: Installation, witness: Witness) -> Reception:
    clock = installation.clock
    clock.time = case.now
    store = MemoryConnectionStore([case.connection])
    return Reception(
        Connections(store, clock, lambda _: (), lambda _: None),
        an_ingest(installation, MemoryQueue()),
        lambda _: case.keys,
        Formers(MemoryFormerAddressStore(clock), 0),
        witness,
        clock,
    )


async def call(
    case: Case, app: FastAPI, installation: Installation
) -> tuple[httpx.Response, Sequence[str]]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://dispatcher") as http:
        answer = await http.request(
            case.call.method,
            f"/hooks/{case.connection.name}",
            headers=dict(case.call.headers),
            content=case.call.body,
        )
    kept = await installation.ledger.deliveries(DeliveryFilter(), limit=1000)
    return answer, [one.event_id for one in kept]
