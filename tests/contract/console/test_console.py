"""The console over HTTP: who may see and do what, and what keeps others out."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from datetime import timedelta
from functools import wraps
from typing import Any

import httpx
import pytest

from dispatcher.access import Role
from dispatcher.connection import Connection
from dispatcher.delivery import State
from dispatcher.errors import ConnectionUnreadable, StoreUnavailable
from dispatcher.policy import Manner
from dispatcher.web.console.forms import mark
from dispatcher.web.console.sessions import COOKIE, SealedSessions
from dispatcher.web.console.visits import Visitor
from dispatcher.web.rate_limit import TokenAndAddressLimits
from tests.contract.console.booth import ROLES, Booth, an_open_booth

SAME = {"sec-fetch-site": "same-origin"}
Story = Callable[[Booth, httpx.AsyncClient], Coroutine[Any, Any, None]]


def client_of(booth: Booth) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=booth.url, trust_env=False, timeout=10)


def at_a_booth(story: Story) -> Callable[[], None]:
    """Make a test of a story that plays at an open booth."""

    @wraps(story)
    def test() -> None:
        play(story)

    del test.__wrapped__  # pytest would take the booth for a fixture
    return test


def play(story: Story, booth: Booth | None = None) -> None:
    async def run() -> None:
        async with an_open_booth(booth) as opened, client_of(opened) as http:
            await story(opened, http)

    asyncio.run(run())


async def sign_in(
    booth: Booth, http: httpx.AsyncClient, name: str, wanted: str = ""
) -> httpx.Response:
    fields = {"token": booth.tokens_of[name], "next": wanted}
    return await http.post("/console/sign-in", data=fields, headers=SAME)


async def mark_on(http: httpx.AsyncClient, page: str, purpose: str = "") -> str:
    """Return what a form on a page is signed with."""
    text = (await http.get(page)).text
    form = text.split(f'action="{purpose}', 1)[1] if purpose else text
    found = re.search(r'name="csrf" value="([^"]+)"', form)
    assert found, text
    return found[1]


PAGES = {
    "overview": "/console/",
    "live": "/console/live",
    "deliveries": "/console/deliveries",
    "story": "/console/delivery/evt-001?org=acme",
    "letters": "/console/dead-letters",
    "resend": "/console/resend/evt-refused?org=acme",
    "drop": "/console/drop/evt-refused?org=acme",
    "policies": "/console/policies",
    "policy": "/console/policy/acme",
    "default": "/console/default-policy",
    "workers": "/console/workers",
    "connections": "/console/connections",
}
READ = {"overview", "live", "deliveries", "story", "letters"}
WRITE = READ | {"resend", "drop"}
OWN_POLICY = {"policies", "policy"}

MAY = {
    "owner": WRITE | OWN_POLICY,
    "viewer": READ | OWN_POLICY,
    "settings": OWN_POLICY,
    "users": OWN_POLICY,
    "stranger": WRITE - {"story", "resend", "drop"} | {"policies"},
    "root": set(PAGES),
    "auditor": set(PAGES) - {"resend", "drop"},
    "manager": set(PAGES) - {"default"},
}
"""Which pages answer a role with themselves; of acme, where a page is of one organization."""


@pytest.mark.parametrize("role", MAY)
def test_every_page_refuses_whom_the_api_would_refuse(role: str) -> None:
    async def story(booth: Booth, http: httpx.AsyncClient) -> None:
        assert (await sign_in(booth, http, role)).status_code == 303
        seen = set()
        for name, page in PAGES.items():
            answer = await http.get(page)
            assert answer.status_code in {200, 303, 403, 404}, (name, answer.text)
            is_elsewhere = answer.headers.get("location", "/console/policy/").startswith(
                "/console/policy/"
            )
            if answer.status_code == 200 or (answer.status_code == 303 and name == "policies"):
                assert is_elsewhere
                seen.add(name)
        assert seen == MAY[role]

    play(story)


CHANGES = {
    "resend": ("/console/resend/evt-refused?org=acme", {}, {"owner", "root", "manager"}),
    "drop": ("/console/drop/evt-refused?org=acme", {}, {"owner", "root", "manager"}),
    "switch": (
        "/console/policy/acme",
        {"switch": "passwordChange", "on": "false"},
        {"owner", "settings", "root", "manager"},
    ),
    "reset": ("/console/policy/acme/reset", {}, {"owner", "settings", "root", "manager"}),
    "default": (
        "/console/default-policy",
        {"switch": "passwordChange", "on": "false"},
        {"root"},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", [role for role in ROLES if role != "publisher"])
def test_every_change_refuses_whom_the_api_would_refuse_though_the_form_be_signed(
    change: str, role: str
) -> None:
    address, fields, permitted = CHANGES[change]
    purpose = {"switch": "policy", "default": "policy"}.get(change, change)

    async def story(booth: Booth, http: httpx.AsyncClient) -> None:
        await sign_in(booth, http, role)
        before = await picture(booth)
        signature = await signed(booth, http, purpose)
        answer = await http.post(address, data={"csrf": signature, **fields}, headers=SAME)
        if role in permitted:
            assert answer.status_code == 303, answer.text
            assert await picture(booth) != before
        else:
            assert answer.status_code in {403, 404}, answer.text
            assert await picture(booth) == before

    play(story)


async def signed(booth: Booth, http: httpx.AsyncClient, purpose: str) -> str:
    """Return a form's mark of the very session, whether or not a page shows that form."""
    text = await SealedSessions(booth.sessions).read(http.cookies[COOKIE], 0)
    kept = json.loads(text)
    caller = await booth.tokens.resume(kept["token"])
    return mark(Visitor(caller, kept["key"]), purpose)


async def picture(booth: Booth) -> object:
    """Return what a change would change."""
    (letter,) = await booth.ledger.find("evt-refused", org_id="acme")
    store = booth.installation.store
    return letter.state, letter.event is None, await store.load("acme"), await store.load("*")


@at_a_booth
async def test_without_a_session_every_page_leads_to_the_form_and_back(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    for page in PAGES.values():
        answer = await http.get(page)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (
            303,
            "/console/sign-in",
        )
    for address, fields, _ in CHANGES.values():
        answer = await http.post(address, data=fields, headers=SAME)
        assert (answer.status_code, answer.headers["location"]) == (303, "/console/sign-in")
    asked = await http.get("/console/deliveries?state=dead")
    back = httpx.URL(asked.headers["location"]).params["next"]
    assert (await sign_in(booth, http, "owner", back)).headers["location"] == (
        "/console/deliveries?state=dead"
    )


@at_a_booth
async def test_the_live_part_says_that_nobody_is_signed_in(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    assert booth.url
    answer = await http.get("/console/live", headers={"x-live": "1"})
    assert answer.status_code == 401


@at_a_booth
async def test_a_form_without_its_mark_or_with_anothers_is_refused(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "owner")
    mine = await mark_on(http, "/console/resend/evt-refused?org=acme")
    async with client_of(booth) as other:
        await sign_in(booth, other, "root")
        theirs = await mark_on(other, "/console/resend/evt-refused?org=acme")
    before = await picture(booth)
    for wrong in ("", "x", theirs, mine + "x", mine.swapcase()):
        answer = await http.post(
            "/console/resend/evt-refused?org=acme", data={"csrf": wrong}, headers=SAME
        )
        assert answer.status_code == 403, wrong
    assert (await http.post("/console/resend/evt-refused", headers=SAME)).status_code == 403
    other_purpose = await http.post(
        "/console/drop/evt-refused?org=acme", data={"csrf": mine}, headers=SAME
    )
    assert other_purpose.status_code == 403
    assert await picture(booth) == before


@at_a_booth
async def test_a_form_that_another_sites_page_sends_is_refused(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "owner")
    signature = await mark_on(http, "/console/resend/evt-refused?org=acme")
    for headers in (
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
    ):
        for address in ("/console/resend/evt-refused?org=acme", "/console/sign-out"):
            answer = await http.post(address, data={"csrf": signature}, headers=headers)
            assert answer.status_code == 403, headers
        token = {"token": booth.tokens_of["root"]}
        assert (await http.post("/console/sign-in", data=token, headers=headers)).status_code == 403
    origin = {"origin": booth.url}
    answer = await http.post(
        "/console/resend/evt-refused?org=acme", data={"csrf": signature}, headers=origin
    )
    assert answer.status_code == 303


@at_a_booth
async def test_a_revoked_token_ends_its_session_at_once(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "owner")
    assert (await http.get("/console/deliveries")).status_code == 200
    await booth.tokens.revoke(booth.ids_of["owner"])
    answer = await http.get("/console/deliveries")
    assert answer.headers["location"].startswith("/console/sign-in")
    assert not booth.sessions._kept


@at_a_booth
async def test_signing_out_ends_the_session_on_the_server(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "owner")
    stolen = http.cookies[COOKIE]
    await http.post("/console/sign-out", headers=SAME)
    assert COOKIE not in http.cookies
    async with client_of(booth) as thief:
        thief.cookies.set(COOKIE, stolen)
        assert (await thief.get("/console/deliveries")).status_code == 303


@at_a_booth
async def test_an_idle_session_ends_and_a_glance_prolongs_none(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "owner")
    for _ in range(3):
        booth.clock.advance(29 * 60)
        assert (await http.get("/console/deliveries")).status_code == 200
    booth.clock.advance(29 * 60)
    assert (await http.get("/console/live")).status_code == 200
    booth.clock.advance(2 * 60)
    assert (await http.get("/console/deliveries")).status_code == 303


@at_a_booth
async def test_no_session_lasts_longer_than_twelve_hours(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "owner")
    for _ in range(12 * 3 - 1):
        booth.clock.advance(20 * 60)
        assert (await http.get("/console/deliveries")).status_code == 200
    booth.clock.advance(20 * 60)
    assert (await http.get("/console/deliveries")).status_code == 303


@at_a_booth
async def test_signing_in_takes_an_id_of_its_own_whatever_the_browser_brought(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    http.cookies.set(COOKIE, "planted", path="/console")
    answer = await sign_in(booth, http, "owner")
    given = answer.headers["set-cookie"]
    assert "planted" not in given
    async with client_of(booth) as attacker:
        attacker.cookies.set(COOKIE, "planted")
        assert (await attacker.get("/console/deliveries")).status_code == 303


@at_a_booth
async def test_the_cookie_goes_over_tls_only_but_on_loopback_and_no_script_reads_it(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    answer = await sign_in(booth, http, "owner")
    flags = answer.headers["set-cookie"].lower()
    assert all(flag in flags for flag in ("httponly", "samesite=lax", "path=/console"))
    assert "secure" not in flags
    fields = {"token": booth.tokens_of["owner"]}
    for host in ("console.acme.example", "127.0.0.1.evil.example", "localhost.evil.example:8080"):
        afar = await http.post("/console/sign-in", data=fields, headers={"host": host, **SAME})
        assert "secure" in afar.headers["set-cookie"].lower()
    assert booth.tokens_of["owner"] not in answer.headers["set-cookie"]
    for sealed, _ in booth.sessions._kept.values():
        assert booth.ids_of["owner"].encode() not in sealed


@at_a_booth
async def test_after_signing_in_nobody_is_sent_elsewhere(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    for wanted in (
        "https://evil.example/",
        "//evil.example/console/",
        "/\\evil.example",
        "/console/../../evil",
        "javascript:alert(1)",
        "/console/sign-in",
        "/v1/deliveries",
        "/console/\r\nset-cookie: x=y",
    ):
        answer = await sign_in(booth, http, "owner", wanted)
        assert answer.headers["location"] == "/console/", wanted


@at_a_booth
async def test_a_token_that_permits_nothing_here_opens_no_session(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    answer = await sign_in(booth, http, "publisher")
    assert (answer.status_code, COOKIE in http.cookies) == (401, False)
    assert Role.ORG_EVENT_PUBLISHER in answer.text


def test_too_many_wrong_tokens_are_refused_for_a_while_but_not_who_is_signed_in() -> None:
    async def story(booth: Booth, http: httpx.AsyncClient) -> None:
        await sign_in(booth, http, "owner")
        assert (await http.get("/console/deliveries")).status_code == 200
        async with client_of(booth) as guesser:
            for _ in range(5):
                answer = await guesser.post("/console/sign-in", data={"token": "x"}, headers=SAME)
                assert answer.status_code == 401
            answer = await guesser.post("/console/sign-in", data={"token": "x"}, headers=SAME)
            assert answer.status_code == 429
            assert (await sign_in(booth, guesser, "viewer")).status_code == 429
        assert (await http.get("/console/deliveries")).status_code == 200

    play(story, Booth(limits=TokenAndAddressLimits(address="5/minute")))


@at_a_booth
async def test_no_page_is_kept_or_framed_or_loads_anything_from_elsewhere(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "root")
    for page in (*PAGES.values(), "/console/sign-in", "/console/nowhere"):
        answer = await http.get(page)
        assert answer.headers["cache-control"] == "no-store", page
        allowed = answer.headers["content-security-policy"]
        assert "default-src 'none'" in allowed
        assert "frame-ancestors 'none'" in allowed
        assert "unsafe" not in allowed
        assert not re.search(r"https?://", answer.text)
        assert not re.search(r"<script>|<style|style=|\son[a-z]+=", answer.text), page
        assert len(answer.content) < 20_000, page
    text = (await http.get("/console/")).text
    for address in re.findall(r'(?:href|src)="(/console/static/[^"]+)"', text):
        asset = await http.get(address)
        assert (asset.status_code, "immutable" in asset.headers["cache-control"]) == (200, True)
    assert (await http.get("/console/static/../app.py")).status_code == 404
    assert (await http.get("/console/static/app.py")).status_code == 404


@at_a_booth
async def test_personal_fields_are_hidden_as_in_the_api(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "root")
    for page in PAGES.values():
        text = (await http.get(page)).text
        for personal in ("ada@example.org", "Lovelace", "203.0.113.7", "Zürich"):
            assert personal not in text, page
    assert "•••" in (await http.get("/console/delivery/evt-refused?org=acme")).text


@at_a_booth
async def test_a_connection_is_shown_without_its_secrets_and_one_that_cannot_be_read_as_such(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "root")
    text = (await http.get("/console/connections")).text
    assert all(word in text for word in ("/hooks/zitadel", "all organizations", "2 (1 d"))
    assert "s3cret" not in text

    async def unreadable(name: str) -> Connection | None:
        raise ConnectionUnreadable(name)

    booth.connections.find = unreadable  # type: ignore[method-assign] # its key is gone
    text = (await http.get("/console/connections")).text
    assert text.count("unreadable") == 2


@at_a_booth
async def test_an_id_is_shown_as_text_whatever_it_looks_like(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "root")
    answer = await http.get("/console/delivery/<script>alert(1)</script>/x?org=acme")
    assert answer.status_code == 404
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;" in answer.text
    found = await http.get("/console/find", params={"event": " a/b:c@d+e=f "})
    assert found.headers["location"] == "/console/delivery/a%2Fb%3Ac%40d%2Be%3Df"


@at_a_booth
async def test_a_resent_letter_is_due_and_a_dropped_one_is_gone(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "owner")
    resend, drop = "/console/resend/evt-refused?org=acme", "/console/drop/evt-old?org=acme"
    done = await http.post(
        resend, data={"csrf": await mark_on(http, resend), "as_it_was": "on"}, headers=SAME
    )
    assert done.headers["location"] == "/console/delivery/evt-refused?org=acme&done=resent"
    (resent,) = await booth.ledger.find("evt-refused", org_id="acme")
    assert resent.state is State.DEFERRED
    again = await http.get(resend)
    assert again.status_code == 404
    await http.post(drop, data={"csrf": await mark_on(http, drop)}, headers=SAME)
    (dropped,) = await booth.ledger.find("evt-old", org_id="acme")
    assert (dropped.state, dropped.event) == (State.DEAD, None)
    assert "evt-old" not in (await http.get("/console/dead-letters")).text


@pytest.mark.parametrize("manner", Manner)
def test_a_switch_sets_the_organizations_policy_and_a_reset_forgets_it(manner: Manner) -> None:
    async def story(booth: Booth, http: httpx.AsyncClient) -> None:
        await sign_in(booth, http, "stranger")
        page, store = "/console/policy/globex", booth.installation.store
        on = {"switch": "emailChange", "on": "true"}
        for fields in (on, {**on, "on": "false"}):
            signature = await mark_on(http, page)
            answer = await http.post(page, data={"csrf": signature, **fields}, headers=SAME)
            assert answer.headers["location"] == page
        policy = await store.load("globex")
        assert policy is not None
        assert (dict(policy.switches), policy.sequence) == ({"emailChange": False}, 2)
        by = [change.by for change in await store.history("globex")]
        assert by == [f"token:{booth.ids_of['stranger']}"] * 2
        signature = await mark_on(http, page, f"{page}/reset")
        await http.post(f"{page}/reset", data={"csrf": signature}, headers=SAME)
        assert await store.load("globex") is None
        wrong = {"csrf": await mark_on(http, page), "switch": "nonsense", "on": "true"}
        assert (await http.post(page, data=wrong, headers=SAME)).status_code == 400

    play(story, Booth(manner=manner))


@at_a_booth
async def test_pages_follow_each_other_and_show_each_delivery_once(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "owner")
    seen: list[str] = []
    page = "/console/deliveries?state=sent"
    while page:
        text = (await http.get(page)).text
        seen += re.findall(r'class="id" href="[^"]+">(evt-\d+)<', text)
        found = re.search(r'rel="next" href="([^"]+)"', text)
        page = found[1].replace("&amp;", "&") if found else ""
    assert seen == [f"evt-{number:03}" for number in range(30, 0, -1)]


@at_a_booth
async def test_filters_are_those_of_the_api_and_blanks_are_none(
    booth: Booth, http: httpx.AsyncClient
) -> None:
    await sign_in(booth, http, "root")

    async def ids(query: str) -> list[str]:
        text = (await http.get(f"/console/deliveries?{query}")).text
        return re.findall(r'class="id" href="[^"]+">([^<]+)<', text)

    assert await ids("state=dead&org=globex&reason=&within=") == ["evt-globex"]
    assert await ids("reason=no_recipient&within=1h") == ["evt-nobody"]
    booth.clock.advance(timedelta(hours=2).total_seconds())
    await sign_in(booth, http, "root")
    assert await ids("within=1h") == []
    assert (await http.get("/console/deliveries?state=nonsense")).status_code == 400
    assert (await http.get("/console/deliveries?org=%20!")).status_code == 400
    assert (await http.get("/console/deliveries?cursor=x")).status_code == 400


def test_a_store_that_is_away_is_told_as_such() -> None:
    async def story(booth: Booth, http: httpx.AsyncClient) -> None:
        await sign_in(booth, http, "owner")

        async def away(name: str) -> bytes | None:
            raise StoreUnavailable(f"no answer about {len(name)}")

        booth.sessions.read = away  # type: ignore[method-assign] # the store goes away
        answer = await http.get("/console/deliveries")
        assert (answer.status_code, "store" in answer.text) == (503, True)
        assert "text/html" in answer.headers["content-type"]

    play(story)


def test_a_session_that_cannot_be_prolonged_spoils_no_page() -> None:
    async def story(booth: Booth, http: httpx.AsyncClient) -> None:
        await sign_in(booth, http, "owner")

        async def away(name: str, sealed: bytes, seconds: int) -> None:
            raise StoreUnavailable(f"no answer about {len(name + str(sealed)) + seconds}")

        booth.sessions.write = away  # type: ignore[method-assign] # the store goes away
        assert (await http.get("/console/deliveries")).status_code == 200

    play(story)


def test_who_could_not_be_signed_out_is_told_so() -> None:
    async def story(booth: Booth, http: httpx.AsyncClient) -> None:
        await sign_in(booth, http, "owner")

        async def away(name: str) -> None:
            raise StoreUnavailable(f"no answer about {len(name)}")

        booth.sessions.remove = away  # type: ignore[method-assign] # the store goes away
        assert (await http.post("/console/sign-out", headers=SAME)).status_code == 503

    play(story)


@at_a_booth
async def test_the_address_without_a_slash_leads_in(booth: Booth, http: httpx.AsyncClient) -> None:
    assert booth.url
    answer = await http.get("/console")
    assert (answer.status_code, answer.headers["location"]) == (308, "/console/")
    head = await http.head("/console/sign-in")
    assert (head.status_code, head.content) == (200, b"")
