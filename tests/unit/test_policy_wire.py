"""Policies as JSON: what an update may look like, and how answers look."""

from datetime import UTC, datetime

import pytest

from dispatcher import policy_wire
from dispatcher.errors import InvalidPolicy, PolicyNotFound, RenderError, StoreUnavailable
from dispatcher.policy import Policy

SWITCHES = frozenset({"passwordChange"})


@pytest.mark.parametrize("value", [True, False])
@pytest.mark.parametrize("spelling", ["passwordChange", "password_change"])
def test_reads_the_switch_in_both_spellings(spelling: str, *, value: bool) -> None:
    assert policy_wire.parse_update({spelling: value}, SWITCHES) == {"passwordChange": value}


def test_ignores_unknown_fields_beside_the_switch() -> None:
    body = {"passwordChange": True, "colour": "red"}
    assert policy_wire.parse_update(body, SWITCHES) == {"passwordChange": True}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (None, 'expected a JSON object such as {"passwordChange": true}'),
        ("{}", "expected a JSON object"),
        ([], "expected a JSON object"),
        ({}, "the body sets nothing"),
        ({"passwordchange": True}, "the body sets nothing"),
        ({"passwordChange": "yes"}, "passwordChange: expected true or false, got a string"),
        ({"passwordChange": 1}, "passwordChange: expected true or false, got a number"),
        ({"passwordChange": None}, "passwordChange: expected true or false, got null"),
        ({"passwordChange": {}}, "expected true or false, got an object"),
        ({"passwordChange": []}, "expected true or false, got a list"),
        ({"passwordChange": True, "password_change": False}, "passwordChange is set twice"),
    ],
)
def test_refuses_other_bodies_and_says_what_it_expected(body: object, expected: str) -> None:
    with pytest.raises(InvalidPolicy) as refusal:
        policy_wire.parse_update(body, SWITCHES)
    assert expected in str(refusal.value)


def test_answers_a_change_with_the_details() -> None:
    created = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    changed = datetime(2026, 11, 24, 12, 0, 1, 250_000, tzinfo=UTC)
    policy = Policy("acme", {"passwordChange": True}, 2, created, changed)
    assert policy_wire.details(policy) == {
        "details": {
            "sequence": "2",
            "creationDate": "2026-11-24T12:00:00Z",
            "changeDate": "2026-11-24T12:00:01.250Z",
            "resourceOwner": "acme",
        }
    }


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [(0, "00Z"), (1000, "00.001Z"), (999_999, "00.999999Z"), (10, "00.000010Z")],
)
def test_writes_times_with_as_many_digits_as_they_need(microsecond: int, text: str) -> None:
    time = datetime(2026, 1, 1, microsecond=microsecond, tzinfo=UTC)
    assert policy_wire.timestamp(time) == f"2026-01-01T00:00:{text}"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidPolicy("no"), 3),
        (PolicyNotFound("no"), 5),
        (StoreUnavailable("no"), 14),
        (RenderError("no"), 13),
    ],
)
def test_answers_an_error_with_its_grpc_code(
    error: InvalidPolicy | PolicyNotFound | StoreUnavailable | RenderError, code: int
) -> None:
    body = policy_wire.failure(error)
    assert body["code"] == code
    assert body["message"].startswith("no (")
    assert body["details"][0]["@type"] == "type.googleapis.com/zitadel.v1.ErrorDetail"
