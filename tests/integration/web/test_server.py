"""The HTTP server as clients meet it: good ones, slow ones, and those who send too much."""

import asyncio
import re
from dataclasses import replace

import httpx
import pytest

from dispatcher.errors import StoreUnavailable
from dispatcher.policy import Manner, Policy
from dispatcher.web import patience, server
from dispatcher.web.app import Desks
from dispatcher.web.intake import Bounds
from tests.contract.policy_api.clients import served
from tests.contract.policy_api.installation import Installation
from tests.integration.web.conversation import HEAD, OWNER, POLICY, play, say


def test_the_documented_request_is_answered_to_the_letter() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        headers = OWNER | {"content-type": "application/json", "accept": "application/json"}
        reply = await http.put(
            POLICY, headers=headers, content='{"passwordChange": true}', follow_redirects=True
        )
        assert reply.status_code == 200
        details = reply.json()["details"]
        assert details.keys() == {"sequence", "creationDate", "changeDate", "resourceOwner"}
        assert details["sequence"] == "1"

    play(story)


@pytest.mark.parametrize("manner", Manner)
def test_errors_have_a_body_whatever_the_path_or_method(manner: Manner) -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        for path in ("/", "/nowhere", POLICY + "/", "/management/v1/policies"):
            reply = await http.get(path, headers=OWNER)
            assert (reply.status_code, reply.json()["code"]) == (404, 5)
            assert reply.json()["message"] == "Not Found"
        for method in ("PATCH", "TRACE", "BREW"):
            reply = await http.request(method, POLICY, headers=OWNER)
            assert (reply.status_code, reply.json()["code"]) in {(405, 12), (400, 3)}
        reply = await http.patch(POLICY)
        assert reply.json()["message"] == "Method Not Allowed"
        assert reply.headers["allow"] == "DELETE, GET, HEAD, POST, PUT"

    play(story, manner=manner)


def test_head_and_options_are_answered() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        await http.put(POLICY, headers=OWNER, content='{"passwordChange": true}')
        head = await http.head(POLICY, headers=OWNER)
        assert (head.status_code, head.content) == (200, b"")
        options = await http.options(POLICY)
        assert (options.status_code, options.content) == (204, b"")
        assert options.headers["allow"] == "DELETE, GET, HEAD, POST, PUT"
        assert "access-control-allow-origin" not in options.headers

    play(story)


def test_in_zitadels_manner_head_and_options_are_wrong_methods() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        for method in ("HEAD", "OPTIONS"):
            assert (await http.request(method, POLICY, headers=OWNER)).status_code == 405

    play(story, manner=Manner.ZITADEL)


def test_every_answer_says_how_it_may_be_used() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        for path in (POLICY, "/nowhere", "/healthz", "/docs", "/openapi.json"):
            headers = (await http.get(path)).headers
            assert headers["cache-control"] == "no-store"
            assert headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "server" not in headers

    play(story)


def test_who_brings_no_token_is_told_which_scheme_to_use() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        assert (await http.get(POLICY)).headers["www-authenticate"] == "Bearer"

    play(story)


def test_in_zitadels_manner_the_challenge_is_the_message() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        assert (await http.get(POLICY)).headers["www-authenticate"] == "auth header missing"

    play(story, manner=Manner.ZITADEL)


@pytest.mark.parametrize(
    ("manner", "status"), [(Manner.SETTING, 401), (Manner.ZITADEL, 400)], ids=str
)
def test_whether_the_body_or_the_caller_is_looked_at_first(manner: Manner, status: int) -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        assert (await http.put(POLICY, content="{")).status_code == status

    play(story, manner=manner)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_the_content_type_does_not_matter(content_type: str | None) -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        headers = OWNER | ({"content-type": content_type} if content_type else {})
        reply = await http.put(POLICY, headers=headers, content=b'{"passwordChange": true}')
        assert reply.status_code == 200

    play(story)


def test_in_zitadels_manner_what_is_false_is_left_out() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        await http.post(POLICY, headers=OWNER, content='{"passwordChange": false}')
        assert (await http.get(POLICY, headers=OWNER)).json()["policy"].keys() == {"details"}

    play(story, manner=Manner.ZITADEL)


def test_a_body_that_is_too_large_is_refused_before_it_has_come() -> None:
    async def story(http: httpx.AsyncClient, port: int) -> None:
        reply = await http.put(POLICY, headers=OWNER, content=b" " * 65_537)
        assert (reply.status_code, reply.json()["code"]) == (413, 8)
        announced = await say(port, HEAD + b"content-length: 100000000000\r\n\r\n")
        assert announced.startswith(b"HTTP/1.1 413 ")
        chunk = b"8000\r\n" + b" " * 0x8000 + b"\r\n"
        chunked = await say(port, HEAD + b"transfer-encoding: chunked\r\n\r\n", chunk * 3)
        assert chunked.startswith(b"HTTP/1.1 413 ")

    play(story)


def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    desks = replace(Installation(Manner.SETTING).desks(), bounds=Bounds(body_time=0.05))

    async def story(_: httpx.AsyncClient, port: int) -> None:
        answer = await say(port, HEAD + b"content-length: 24\r\n\r\n", b'{"pass')
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b'"code":4' in answer

    play(story, desks)


def test_a_head_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_HEAD_TIME", 0.05)

    async def story(http: httpx.AsyncClient, port: int) -> None:
        for words in ([], [b"GET / HT"], [HEAD]):
            answer = await say(port, *words)
            assert b"HTTP/1.1 408 " in answer
        assert (await http.get("/healthz")).status_code == 200

    play(story)


def test_a_head_that_does_not_end_is_refused() -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        answer = await say(port, HEAD, b"x-a: " + b"a" * 40_000)
        assert answer.startswith(b"HTTP/1.1 431 ")

    play(story)


def test_what_is_no_http_is_answered_in_the_form_of_every_error() -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        answer = await say(port, b"\x16\x03\x01\x02\x00 hello\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b'"code": 3' in answer

    play(story)


def test_requests_in_a_row_over_one_connection_are_answered_in_order() -> None:
    async def story(_: httpx.AsyncClient, port: int) -> None:
        asked = b"GET %b HTTP/1.1\r\nhost: x\r\n\r\n"
        last = b"GET /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        answers = await say(port, asked % b"/healthz" + asked % b"/nowhere" + last)
        statuses = re.findall(rb"HTTP/1.1 (\d+) ", answers)
        assert statuses == [b"200", b"404", b"200"]

    play(story)


class Stuck:
    """A store that never answers, until it is told to."""

    def __init__(self, policies: object) -> None:
        self.policies = policies
        self.asked = asyncio.Event()
        self.freed = asyncio.Event()

    async def effective(self, org_id: str) -> Policy | None:
        del org_id
        self.asked.set()
        await self.freed.wait()
        return None


def test_more_than_can_be_borne_is_told_to_come_again_but_not_the_probes() -> None:
    async def played() -> None:
        desks, stuck = stuck_desks()
        desks = replace(desks, bounds=Bounds(in_flight=1))
        async with (
            served(desks) as url,
            httpx.AsyncClient(base_url=url, trust_env=False) as http,
        ):
            first = asyncio.create_task(http.get(POLICY, headers=OWNER))
            await stuck.asked.wait()
            busy = await http.get(POLICY, headers=OWNER)
            assert (busy.status_code, busy.json()["code"]) == (503, 14)
            assert busy.headers["retry-after"] == "1"
            assert (await http.get("/healthz")).status_code == 200
            stuck.freed.set()
            assert (await first).status_code == 404

    asyncio.run(played())


def test_a_store_that_does_not_answer_is_not_waited_for() -> None:
    async def played() -> None:
        desks, _ = stuck_desks()
        async with (
            served(desks) as url,
            httpx.AsyncClient(base_url=url, trust_env=False, timeout=2.0) as http,
        ):
            reply = await http.get(POLICY, headers=OWNER)
            assert (reply.status_code, reply.json()["code"]) == (503, 14)
            assert reply.headers["retry-after"] == "1"

    assert patience._STORE_PATIENCE <= 1.0
    asyncio.run(played())


def stuck_desks() -> tuple[Desks, Stuck]:
    desks = Installation(Manner.SETTING).desks()
    stuck = Stuck(desks.policies.store)
    store: object = stuck
    return replace(desks, policies=replace(desks.policies, store=store)), stuck  # type: ignore[arg-type] # only reads are asked


def test_readiness_is_the_stores_and_liveness_is_ours() -> None:
    async def away() -> None:
        raise StoreUnavailable("no answer from the store")

    desks = replace(Installation(Manner.SETTING).desks(), ready=away)

    async def story(http: httpx.AsyncClient, _: int) -> None:
        assert (await http.get("/healthz")).status_code == 200
        assert (await http.get("/management/v1/healthz")).json() == {}
        ready = await http.get("/readyz")
        assert (ready.status_code, ready.json()["code"]) == (503, 14)

    play(story, desks)


def test_what_nobody_expected_is_told_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    async def broken() -> None:
        raise RuntimeError("a secret")

    desks = replace(Installation(Manner.SETTING).desks(), ready=broken)

    async def story(http: httpx.AsyncClient, _: int) -> None:
        reply = await http.get("/readyz")
        assert (reply.status_code, reply.json()["code"]) == (500, 13)
        assert "secret" not in reply.text

    del caplog
    play(story, desks)


def test_the_history_tells_who_and_the_dry_run_counts() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        await http.put(POLICY, headers=OWNER, content='{"passwordChange": true}')
        reply = await http.get("/v1/policies/acme/history", headers=OWNER)
        (change,) = reply.json()["changes"]
        assert (change["by"], change["before"], change["after"]) == (
            "owner",
            None,
            {"passwordChange": True},
        )
        reply = await http.get("/v1/policies/acme/dry-run?passwordChange=false", headers=OWNER)
        assert reply.json()["total"] == {"events": 0, "told": 0, "wouldBeTold": 0}
        for query in ("", "?passwordChange=yes", "?passwordChange=true&days=0", "?days=x"):
            reply = await http.get("/v1/policies/acme/dry-run" + query, headers=OWNER)
            assert (reply.status_code, reply.json()["code"]) == (400, 3)
        for limit in ("0", "1001", "-1", "", "½", "9" * 5_000):
            reply = await http.get(f"/v1/policies/acme/history?limit={limit}", headers=OWNER)
            assert reply.status_code == 400
        for org in ("globex", "nowhere", "a b"):
            reply = await http.get(f"/v1/policies/{org}/history", headers=OWNER)
            assert (reply.status_code, reply.json()["code"]) == (404, 5)

    play(story)


def test_the_reference_page_needs_nobody_else() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        page = await http.get("/docs")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        reference = (await http.get("/openapi.json")).json()
        for path in reference["paths"]:
            assert path in page.text
        assert "<script" not in page.text
        assert "//" not in page.text.replace("https://console", "").replace("http://", "")

    play(story)


def test_fifty_parallel_updates_lose_nothing() -> None:
    async def story(http: httpx.AsyncClient, _: int) -> None:
        async def update(turn: int) -> int:
            on = "true" if turn % 2 else "false"
            reply = await http.put(POLICY, headers=OWNER, content=f'{{"passwordChange": {on}}}')
            return int(reply.json()["details"]["sequence"])

        told = await asyncio.gather(*(update(turn) for turn in range(50)))
        changes = (await http.get("/v1/policies/acme/history", headers=OWNER)).json()["changes"]
        assert {int(change["sequence"]) for change in changes} == set(told)
        assert max(told) == len(changes)

    play(story)
