"""What connections bring over HTTP: proven, told once, to every mailbox that must know."""

import hmac
import json
from datetime import timedelta
from typing import Any

import httpx

from dispatcher.connection import Connection
from dispatcher.delivery import DeliveryFilter, State
from tests.contract.http_api.office import Office, in_an_office

SECRET = "a-secret-of-the-realm"
USER = "6d9c2f0a-2f55-4a0c-8f0e-2f6b1f0f7c11"
HASH = "$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"


async def keycloak(office: Office) -> None:
    connection = Connection("kc", "keycloak", tenants={"realm": "acme"}, secrets=(SECRET,))
    await office.installation.connections.alter("kc", lambda _: connection)


def told(office: Office, number: int, *, later: float = 0.0, **changed: Any) -> dict[str, Any]:
    """Return what Keycloak's webhook tells of a changed password."""
    time = office.installation.clock.now() + timedelta(seconds=later)
    return {
        "uid": f"uid-{number}",
        "id": f"id-{number}",
        "time": round(time.timestamp() * 1000),
        "realmId": "realm",
        "realmName": "realm",
        "type": "access.UPDATE_PASSWORD",
        "authDetails": {"userId": USER, "ipAddress": "203.0.113.9"},
        "details": {"credential_type": "password", "encodedHash": HASH},
    } | changed


async def post(office: Office, told: dict[str, Any], secret: str = SECRET) -> httpx.Response:
    body = json.dumps(told).encode()
    signature = hmac.digest(secret.encode(), body, "sha256").hex()
    headers = {"x-keycloak-signature": signature}
    return await office.http.post("/hooks/kc", content=body, headers=headers)


async def kept(office: Office) -> dict[str, tuple[State, str]]:
    found = await office.installation.ledger.deliveries(DeliveryFilter(), limit=100)
    return {one.event_id.removeprefix("keycloak:kc:"): (one.state, one.detail) for one in found}


@in_an_office
async def test_one_change_that_is_told_twice_is_mailed_once(office: Office) -> None:
    await keycloak(office)
    for number, kind in ((1, "access.UPDATE_CREDENTIAL"), (2, "access.UPDATE_PASSWORD")):
        answer = await post(office, told(office, number, later=number / 100, type=kind))
        assert answer.status_code == 202
    twin = State.SKIPPED, "twin of keycloak:kc:id-1"
    assert await kept(office) == {"id-1": (State.QUEUED, ""), "id-2": twin}
    assert office.witness.calls["kc", "accepted"] == office.witness.calls["kc", "duplicate"] == 1


@in_an_office
async def test_another_change_soon_after_is_mailed_as_well(office: Office) -> None:
    await keycloak(office)
    await post(office, told(office, 1, later=-30))
    await post(office, told(office, 2))
    assert await kept(office) == {"id-1": (State.QUEUED, ""), "id-2": (State.QUEUED, "")}


@in_an_office
async def test_what_is_sent_again_out_of_order_changes_nothing(office: Office) -> None:
    await keycloak(office)
    calls = [told(office, number, later=-20.0 * number) for number in (1, 2, 3)]
    for call in (*calls, *reversed(calls)):
        assert (await post(office, call)).status_code == 202
    assert office.witness.calls == {("kc", "accepted"): 3, ("kc", "duplicate"): 3}


@in_an_office
async def test_the_mailbox_before_a_change_of_address_is_told_of_the_password(
    office: Office,
) -> None:
    await keycloak(office)
    details = {"previous_email": "ada@old.example", "updated_email": "eve@evil.example"}
    await post(office, told(office, 1, type="access.UPDATE_EMAIL", details=details, later=-60))
    await post(office, told(office, 2))
    assert set(await kept(office)) == {"id-1", "id-2", "id-2/previous"}
    found = await office.installation.ledger.find("keycloak:kc:id-2/previous", org_id="acme")
    assert found[0].event is not None
    assert found[0].event["user"] == {"id": USER, "previous_email": "ada@old.example"}


@in_an_office
async def test_nothing_of_a_password_is_kept(office: Office) -> None:
    await keycloak(office)
    await post(office, told(office, 1))
    found = await office.installation.ledger.deliveries(DeliveryFilter(), limit=100)
    assert HASH not in repr(found)


@in_an_office
async def test_what_nothing_proves_causes_nothing(office: Office) -> None:
    await keycloak(office)
    assert (await post(office, told(office, 1), secret="another")).status_code == 401
    assert await kept(office) == {}
    assert office.witness.calls == {("kc", "refused"): 1}


@in_an_office
async def test_an_unknown_connection_is_none_and_makes_no_name_of_ours(office: Office) -> None:
    answer = await post(office, told(office, 1))
    assert (answer.status_code, answer.json()["code"]) == (404, 5)
    assert office.witness.calls == {("unknown", "refused"): 1}


@in_an_office
async def test_a_call_that_is_too_large_is_refused_before_it_is_read(office: Office) -> None:
    await keycloak(office)
    large = told(office, 1, details={"credential_type": "password", "x": "y" * 1_100_000})
    assert (await post(office, large)).status_code == 413
    assert await kept(office) == {}


@in_an_office
async def test_a_secret_counts_until_it_is_removed(office: Office) -> None:
    connection = Connection("kc", "keycloak", tenants={"realm": "acme"}, secrets=("new", SECRET))
    await office.installation.connections.alter("kc", lambda _: connection)
    assert (await post(office, told(office, 1), secret="new")).status_code == 202
    assert (await post(office, told(office, 1))).status_code == 202
    alone = Connection("kc", "keycloak", tenants={"realm": "acme"}, secrets=("new",))
    await office.installation.connections.alter("kc", lambda _: alone)
    assert (await post(office, told(office, 1))).status_code == 401
