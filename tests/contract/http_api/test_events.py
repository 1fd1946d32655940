"""Events over HTTP: in each form, of whom they may be, and how each is answered."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks import Webhook

from tests.builders import a_raw_event
from tests.contract.http_api.office import OTHER_SECRET, SECRET, Office, bearer, in_an_office

EVENTS = "/v1/events"
TYPE = "iam.user.password_changed.v1"


def many(number: int, **fields: Any) -> list[dict[str, Any]]:
    return [a_raw_event(id=f"e-{index}", **fields) for index in range(number)]


def signed(body: bytes, *, secret: str = SECRET, at: datetime | None = None) -> dict[str, str]:
    at = at or datetime.now(UTC)
    return {
        "webhook-id": "msg-1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg-1", at, body.decode()),
        "content-type": "application/json",
    }


@in_an_office
async def test_an_event_is_durable_when_it_is_answered_and_published_then(office: Office) -> None:
    reply = await office.post(EVENTS, a_raw_event(), by="publisher")

    assert (reply.status_code, reply.json()) == (202, {"accepted": 1, "duplicates": 0})
    assert (await office.installation.ledger.totals()).accepted == 1
    await office.ingest.publish()
    assert office.queue.receipts == ["r-1"]


@in_an_office
async def test_the_same_id_again_is_a_duplicate(office: Office) -> None:
    await office.post(EVENTS, a_raw_event(), by="publisher")

    reply = await office.post(EVENTS, [a_raw_event(), a_raw_event(id="new")], by="publisher")

    assert (reply.status_code, reply.json()) == (202, {"accepted": 1, "duplicates": 1})


@in_an_office
async def test_a_thousand_come_in_one_list_and_no_more(office: Office) -> None:
    assert (await office.post(EVENTS, many(1000), by="root")).json()["accepted"] == 1000

    for number in (0, 1001):
        reply = await office.post(EVENTS, many(number), by="root")
        assert (reply.status_code, reply.json()["code"]) == (400, 3)


@in_an_office
async def test_a_bad_event_in_a_list_is_answered_for_itself(office: Office) -> None:
    good, other = many(2)

    reply = await office.post(EVENTS, [good, {"id": "bad"}, other], by="publisher")

    assert reply.status_code == 202
    body = reply.json()
    assert (body["accepted"], [each["index"] for each in body["rejected"]]) == (2, [1])
    assert "org_id: is required" in body["rejected"][0]["message"]


@in_an_office
async def test_a_list_of_bad_ones_and_a_bad_one_alone_are_refused(office: Office) -> None:
    for body in ([{}, 7], {}, a_raw_event(user={}), "text", None):
        reply = await office.post(EVENTS, body, by="publisher")
        assert (reply.status_code, reply.json()["code"]) == (400, 3), body
    assert (await office.installation.ledger.totals()).accepted == 0


@in_an_office
async def test_an_organization_brings_only_its_own_events(office: Office) -> None:
    foreign = a_raw_event(org_id="globex")

    alone = await office.post(EVENTS, foreign, by="publisher")
    listed = await office.post(EVENTS, [foreign, a_raw_event()], by="publisher")

    assert (alone.status_code, alone.json()["code"]) == (404, 5)
    assert listed.json()["rejected"][0] == {
        "index": 0,
        "code": 5,
        "message": "membership not found",
    }
    assert (await office.installation.ledger.totals(org_id="globex")).accepted == 0
    assert (await office.post(EVENTS, foreign, by="root")).status_code == 202


@in_an_office
async def test_a_caller_who_may_only_look_brings_nothing(office: Office) -> None:
    assert (await office.post(EVENTS, a_raw_event(), by="viewer")).status_code == 403
    assert (await office.post(EVENTS, a_raw_event(), by="nobody")).status_code == 401
    assert (await office.http.post(EVENTS, json=a_raw_event())).status_code == 401


@in_an_office
async def test_an_observer_is_told_what_became_of_each(office: Office) -> None:
    good, other = many(2)
    foreign = a_raw_event(org_id="globex")

    await office.post(EVENTS, [good, other, good, {"id": "bad"}, foreign], by="publisher")
    await office.post(EVENTS, "text", by="publisher")
    await office.post(EVENTS, good, by="viewer")
    await office.post(EVENTS, good, by="nobody")

    assert office.witness.calls == {
        ("native", "accepted"): 2,
        ("native", "duplicate"): 1,
        ("native", "malformed"): 2,
        ("native", "refused"): 3,
    }


@in_an_office
async def test_cloud_events_come_in_their_three_forms(office: Office) -> None:
    raw = a_raw_event()
    payload = {"org_id": "acme", "user": raw["user"]}
    attributes = {"specversion": "1.0", "source": "urn:iam", "type": TYPE}
    envelope = {**attributes, "time": raw["occurred_at"], "data": payload}

    async def sent(content: Any, content_type: str, **headers: str) -> dict[str, Any]:
        reply = await office.http.post(
            EVENTS,
            content=json.dumps(content),
            headers=bearer("publisher") | headers | {"content-type": content_type},
        )
        assert reply.status_code == 202, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    structured = await sent({**envelope, "id": "a"}, "application/cloudevents+json; charset=utf-8")
    batch = await sent(
        [{**envelope, "id": "b"}, {**envelope, "id": "c"}], "application/cloudevents-batch+json"
    )
    headers = {f"ce-{name}": value for name, value in attributes.items()}
    binary = await sent(
        payload, "application/json", **headers, **{"ce-id": "d", "ce-time": raw["occurred_at"]}
    )

    assert [each["accepted"] for each in (structured, batch, binary)] == [1, 2, 1]


@in_an_office
async def test_a_signature_tells_who_calls(office: Office) -> None:
    body = json.dumps(a_raw_event()).encode()

    for secret in (SECRET, OTHER_SECRET):
        reply = await office.http.post(EVENTS, content=body, headers=signed(body, secret=secret))
        assert reply.status_code == 202

    foreign = json.dumps(a_raw_event(org_id="globex")).encode()
    reply = await office.http.post(EVENTS, content=foreign, headers=signed(foreign))
    assert reply.status_code == 404


@in_an_office
async def test_a_signature_that_proves_nothing_is_refused(office: Office) -> None:
    body = json.dumps(a_raw_event()).encode()
    good = signed(body)
    another = "whsec_" + "QUFB" * 8
    bad = [
        signed(body, secret=another),
        signed(body, at=datetime.now(UTC) - timedelta(minutes=6)),
        signed(body, at=datetime.now(UTC) + timedelta(minutes=6)),
        signed(body + b" "),
        good | {"webhook-id": "msg-2"},
        good | {"webhook-timestamp": "soon"},
        good | {"webhook-timestamp": "9" * 400},
        good | {"webhook-signature": "v1"},
        good | {"webhook-signature": "v1,%"},
        good | {"webhook-signature": "v1," + "x" * 43},
    ]
    for headers in bad:
        reply = await office.http.post(EVENTS, content=body, headers=headers)
        assert reply.status_code == 401, headers
    reply = await office.http.post(EVENTS, content=b"\xff\xfe", headers=good)
    assert reply.status_code == 401
    assert (await office.installation.ledger.totals()).accepted == 0


@in_an_office
async def test_what_is_no_event_at_all_is_answered_plainly(office: Office) -> None:
    async def status(content: bytes, content_type: str = "application/json") -> int:
        headers = bearer("publisher") | {"content-type": content_type}
        return (await office.http.post(EVENTS, content=content, headers=headers)).status_code

    assert await status(b"<xml/>", "application/xml") == 415
    for garbage in (b"", b"{", b"\xff", b"[" * 100_000, b'{"id": NaN}', b"1e999"):
        assert await status(garbage) == 400, garbage[:20]
    assert await status(b" " * (4 * 1024 * 1024 + 1)) == 413
    large = json.dumps(a_raw_event(context={"client": "x" * 17_000})).encode()
    assert await status(large) == 400
