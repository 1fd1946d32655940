"""The log and the dead letters over HTTP: what each caller sees of them, and may do."""

from dispatcher.delivery import Dead, DeadReason, Sent, Skipped, SkipReason
from tests.contract.http_api.office import Office, in_an_office

LOG, LETTERS = "/v1/deliveries", "/v1/dead-letters"
REFUSED = Dead(DeadReason.REJECTED_RECIPIENT, "550 5.1.1")


async def a_history(office: Office) -> None:
    await office.ended("sent", Sent())
    office.installation.clock.advance(60)
    await office.ended("off", Skipped(SkipReason.POLICY_OFF))
    office.installation.clock.advance(60)
    await office.ended("dead", REFUSED)
    await office.ended("dead", REFUSED, org="globex")


async def listed(office: Office, path: str = LOG, *, by: str = "owner", **asked: str) -> list[str]:
    reply = await office.get(path, by=by, **asked)
    assert reply.status_code == 200, reply.text
    body = reply.json()
    return [each["event_id"] for each in body.get("deliveries", body.get("dead_letters"))]


@in_an_office
async def test_deliveries_are_listed_newest_first_and_narrowed_down(office: Office) -> None:
    await a_history(office)

    assert await listed(office) == ["dead", "off", "sent"]
    assert await listed(office, state="sent") == ["sent"]
    assert await listed(office, reason="policy_off") == ["off"]
    assert await listed(office, since="2026-11-24T12:01:00Z") == ["dead", "off"]
    assert await listed(office, until="2026-11-24T12:01:30+00:00") == ["off", "sent"]
    assert len(await listed(office, by="root")) == 4
    assert await listed(office, by="root", org="globex") == ["dead"]


@in_an_office
async def test_pages_show_every_delivery_once(office: Office) -> None:
    for number in range(25):
        await office.ended(f"e-{number}", Sent())
        office.installation.clock.advance(number % 3)

    seen: list[str] = []
    cursor = ""
    while True:
        asked = {"limit": "10"} | ({"cursor": cursor} if cursor else {})
        body = (await office.get(LOG, by="owner", **asked)).json()
        seen += [each["event_id"] for each in body["deliveries"]]
        await office.ended(f"later-{len(seen)}", Sent())
        cursor = body.get("next", "")
        if not cursor:
            break

    assert sorted(seen) == sorted(f"e-{number}" for number in range(25))


@in_an_office
async def test_a_story_is_told_without_personal_fields(office: Office) -> None:
    await a_history(office)

    reply = await office.get(f"{LOG}/dead", by="viewer")

    [told] = reply.json()["deliveries"]
    assert told["story"]["verdict"].startswith("Event dead of acme was given up")
    assert told["story"]["advice"]
    assert "ada@example.org" not in reply.text
    assert told["event"]["user"]["id"] == "u-1"


@in_an_office
async def test_a_stranger_learns_nothing(office: Office) -> None:
    await office.ended("mine", REFUSED)

    for method, path in (
        ("GET", f"{LOG}/mine"),
        ("GET", f"{LETTERS}/mine"),
        ("POST", f"{LETTERS}/mine/resend"),
        ("DELETE", f"{LETTERS}/mine"),
    ):
        headers = {"authorization": "Bearer stranger"}
        foreign = await office.http.request(method, path, headers=headers)
        unknown = await office.http.request(method, path.replace("mine", "none"), headers=headers)
        asked_for = await office.http.request(method, f"{path}?org=acme", headers=headers)
        assert (foreign.status_code, foreign.json()) == (unknown.status_code, unknown.json())
        assert (foreign.status_code, asked_for.status_code) == (404, 404)
    assert await listed(office, by="stranger") == []
    assert (await office.get(LOG, by="stranger", org="acme")).status_code == 404


@in_an_office
async def test_dead_letters_are_listed_shown_resent_and_dropped(office: Office) -> None:
    await a_history(office)
    assert await listed(office, LETTERS) == ["dead"]
    assert await listed(office, LETTERS, by="root") == ["dead", "dead"]

    shown = (await office.get(f"{LETTERS}/dead", by="owner")).json()["dead_letter"]
    assert (shown["reason"], shown["event"]["user"]["email"]) == (
        "rejected_recipient",
        "a•••@example.org",
    )
    resent = await office.post(f"{LETTERS}/dead/resend", by="owner")
    assert (resent.status_code, resent.json()) == (200, {"org_id": "acme", "event_id": "dead"})
    assert await listed(office, LETTERS) == []
    [parcel] = await office.installation.ledger.take_due(10)
    assert parcel.event["org_id"] == "acme"

    dropped = await office.http.delete(f"{LETTERS}/dead", headers={"authorization": "Bearer root"})
    assert dropped.json() == {"org_id": "globex", "event_id": "dead"}
    assert (await office.get(f"{LETTERS}/dead", by="root")).status_code == 404


@in_an_office
async def test_whoever_sees_several_organizations_says_which(office: Office) -> None:
    await a_history(office)

    reply = await office.post(f"{LETTERS}/dead/resend", by="root")

    assert (reply.status_code, reply.json()["code"]) == (400, 3)
    assert (await office.post(f"{LETTERS}/dead/resend", by="root", org="globex")).status_code == 200


@in_an_office
async def test_a_message_that_is_not_kept_cannot_go_as_it_was(office: Office) -> None:
    await a_history(office)

    reply = await office.post(f"{LETTERS}/dead/resend", {"as_it_was": True}, by="owner")

    assert reply.status_code == 400
    assert await listed(office, LETTERS) == ["dead"]
    for nonsense in ({"as_it_was": "yes"}, [True], 7):
        reply = await office.post(f"{LETTERS}/dead/resend", nonsense, by="owner")
        assert reply.status_code == 400


@in_an_office
async def test_who_may_only_look_changes_nothing(office: Office) -> None:
    await a_history(office)

    assert (await office.get(f"{LETTERS}/dead", by="viewer")).status_code == 200
    assert (await office.post(f"{LETTERS}/dead/resend", by="viewer")).status_code == 403
    assert (await office.get(LOG, by="publisher")).status_code == 403
    assert (await office.get(LOG, by="settings")).status_code == 403


@in_an_office
async def test_an_event_id_may_hold_what_a_path_holds(office: Office) -> None:
    await office.ended("iam/1:2+3=@x", Sent())

    assert (await office.get(f"{LOG}/iam/1:2+3=@x", by="owner")).status_code == 200
    assert (await office.get(f"{LOG}/iam%2F1%3A2%2B3%3D%40x", by="owner")).status_code == 200


@in_an_office
async def test_questions_that_make_no_sense_are_answered_with_what_was_expected(
    office: Office,
) -> None:
    for asked in (
        {"state": "lost"},
        {"since": "yesterday"},
        {"until": "2026-11-24T12:00:00"},
        {"limit": "0"},
        {"limit": "1001"},
        {"limit": "\u0661"},
        {"org": "a b"},
        {"cursor": "nonsense"},
        {"cursor": "W10"},
    ):
        reply = await office.get(LOG, by="root", **asked)
        assert (reply.status_code, reply.json()["code"]) == (400, 3), asked
    assert (await office.get(LETTERS, by="root", state="sent")).status_code == 400
