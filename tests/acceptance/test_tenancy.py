"""Twenty organizations with twenty tokens each: nobody meets anything of another, by any route.

The routes are those of the API's own reference, so that a new one is tried, too.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from dispatcher.access import Role
from dispatcher.bootstrap_web import WebServices, open_web
from dispatcher.delivery import Dead, DeadReason, Report
from dispatcher.ports import Claim
from dispatcher.settings import Settings
from dispatcher.web.app import Desks, create_app
from dispatcher.web.assembly import open_desks
from dispatcher.web.gate import Call
from dispatcher.web.grpc_calls import Calls
from dispatcher.web.grpc_methods import METHODS
from tests.builders import a_raw_event, an_event
from tests.integration.store.valkey_server import running_valkey

ORGS: Final = [f"org-{number}" for number in range(20)]
ROLES: Final = [role for role in Role if not role.is_instance_wide]
NOWHERE: Final = "org-nowhere"
ON: Final = {"passwordChange": True}

Answer = tuple[int, str]


@dataclass(frozen=True, slots=True)
class House:
    """The API, and everybody's tokens."""

    services: WebServices
    desks: Desks
    app: FastAPI
    client: httpx.AsyncClient
    tokens: Mapping[str, list[str]]

    def routes(self) -> Iterator[tuple[str, str]]:
        """Yield the method and path of every route that wants a token."""
        for path, operations in self.app.openapi()["paths"].items():
            for method, operation in operations.items():
                if "security" in operation:
                    yield method.upper(), path

    async def aim(self, bearer: str, method: str, path: str, org: str) -> Answer:
        """Ask for what is another's in every way there is; return the answer without its name."""
        answer = await self.client.request(
            method,
            path.format(org=org, event_id=f"evt-of-{org}"),
            headers={"authorization": f"Bearer {bearer}", "x-zitadel-orgid": org},
            params={"org": org, "passwordChange": "true"},
            json=a_raw_event(org_id=org) if path == "/v1/events" else ON,
        )
        return answer.status_code, answer.text.replace(org, "<org>")

    async def state(self) -> list[Any]:
        """Return all that organizations have."""
        return [
            (
                await self.services.policies.store.load(org),
                list(await self.services.ledger.find(f"evt-of-{org}", org_id=org)),
            )
            for org in ORGS
        ]


@asynccontextmanager
async def a_house(url: str) -> AsyncIterator[House]:
    place = SecretStr(url.replace("unix://", "redis+socket://"))
    settings = Settings(broker_url=place, store_url=place)
    async with (
        open_web(settings, url) as services,
        open_desks(settings, services) as desks,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app := create_app(desks)), base_url="http://api"
        ) as client,
    ):
        await services.client.flushall()
        for org in ORGS:
            await services.policies.update(org, ON, by="cli:test")
            event = an_event(f"evt-of-{org}", org=org)
            claim = await services.ledger.claim(event, receipt=f"message-of-{org}")
            assert isinstance(claim, Claim)
            outcome = Dead(DeadReason.RENDER_ERROR, "what was wrong")
            assert await services.ledger.record(claim, Report(outcome, "password_change"))
        tokens = {
            org: [
                (await services.tokens.issue(org_id=org, roles={role})).text for role in ROLES * 4
            ]
            for org in ORGS
        }
        yield House(services, desks, app, client, tokens)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as running:
        yield running


def play(url: str, story: Callable[[House], Awaitable[None]]) -> None:
    async def played() -> None:
        async with a_house(url) as house:
            await story(house)

    asyncio.run(played())


def test_no_route_tells_or_changes_anything_of_another_organization(url: str) -> None:
    async def story(house: House) -> None:
        before, routes = await house.state(), list(house.routes())
        assert len(routes) >= 15
        for method, path in routes:
            nobodys = house.tokens[ORGS[0]][: len(ROLES)]
            nothing = [await house.aim(bearer, method, path, NOWHERE) for bearer in nobodys]
            for number, (org, bearers) in enumerate(house.tokens.items()):
                other = ORGS[(number + 7) % len(ORGS)]
                found = await asyncio.gather(
                    *(house.aim(bearer, method, path, other) for bearer in bearers)
                )
                assert found == nothing * 4, (method, path)
                assert {status for status, _ in found} <= {403, 404}, (method, path, org)
        assert await house.state() == before

    play(url, story)


def test_what_a_caller_may_read_without_naming_anybody_is_its_own(url: str) -> None:
    async def story(house: House) -> None:
        for org, bearers in house.tokens.items():
            for path in ("/v1/deliveries", "/v1/dead-letters"):
                answer = await house.client.get(
                    path, headers={"authorization": f"Bearer {bearers[0]}"}
                )
                assert answer.status_code == 200, answer.text
                named = {other for other in ORGS if f'"{other}"' in answer.text}
                assert named == {org}

    play(url, story)


@pytest.mark.parametrize("way", ["x-zitadel-orgid", "nothing"])
def test_no_call_over_grpc_does_either(url: str, way: str) -> None:
    async def story(house: House) -> None:
        calls = Calls(house.desks.policies, house.desks.gate, house.desks.observer)
        before = await house.state()
        for path, method in METHODS.items():
            if method.permission is None or (way == "nothing" and not method.is_about_instance):
                continue
            request = method.request().SerializeToString()
            for number, bearers in enumerate(house.tokens.values()):
                other = ORGS[(number + 7) % len(ORGS)] if way != "nothing" else ""
                answers = await asyncio.gather(
                    *(
                        calls.answer(path, request, Call(f"Bearer {bearer}", org))
                        for bearer in bearers
                        for org in (other, NOWHERE)
                    )
                )
                assert answers[::2] == answers[1::2], path
                assert {status.code for _, status in answers} <= {5, 7}, path
                assert not any(response for response, _ in answers)
        assert await house.state() == before

    play(url, story)


def test_a_revoked_token_opens_nothing_from_the_next_call_on(url: str) -> None:
    async def story(house: House) -> None:
        bearer = house.tokens["org-0"][0]
        headers = {"authorization": f"Bearer {bearer}"}
        policy = "/management/v1/policies/notification"
        assert (await house.client.get(policy, headers=headers)).status_code == 200
        await house.services.tokens.revoke(bearer.split("_")[1])
        refused = await house.client.get(policy, headers=headers)
        assert refused.status_code == 401
        assert json.loads(refused.text)["message"].startswith("Errors.Token.Invalid")

    play(url, story)
