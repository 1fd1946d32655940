"""Policies as JSON: what an update may look like, and how answers look."""

from datetime import UTC, datetime

import pytest

from dispatcher import policy_wire, status
from dispatcher.errors import (
    DispatcherError,
    InvalidPolicy,
    MembershipNotFound,
    PermissionDenied,
    PolicyExists,
    PolicyNotFound,
    PolicyUnchanged,
    RateLimited,
    RejectedInput,
    RenderError,
    StoreUnavailable,
    Unauthenticated,
)
from dispatcher.policy import INSTANCE, Change, Details, Effect, Manner, Policy

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
    assert policy_wire.changed(Details(2, created, changed, "acme")) == {
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
    ("error", "code", "http"),
    [
        (InvalidPolicy("no"), 3, 400),
        (RejectedInput("no"), 3, 400),
        (PolicyNotFound("no"), 5, 404),
        (MembershipNotFound("no"), 5, 404),
        (PolicyExists("no"), 6, 409),
        (PermissionDenied("no"), 7, 403),
        (RateLimited("no", retry_after=1.0), 8, 429),
        (PolicyUnchanged("no"), 9, 400),
        (StoreUnavailable("no"), 14, 503),
        (RenderError("no"), 13, 500),
        (Unauthenticated("no"), 16, 401),
    ],
)
def test_answers_an_error_with_its_code(error: DispatcherError, code: int, http: int) -> None:
    body = status.failure(error)
    assert (body["code"], status.HTTP_STATUS[status.code_of(error)]) == (code, http)
    assert body["message"].startswith("no")
    for detail in body["details"]:
        assert detail["@type"] == "type.googleapis.com/zitadel.v1.ErrorDetail"
        assert detail["message"] == "no"


def test_an_error_with_an_id_tells_it_twice() -> None:
    body = status.failure(PolicyNotFound("Notification Policy not found", id="ORG-x029n3"))
    assert body == {
        "code": 5,
        "message": "Notification Policy not found (ORG-x029n3)",
        "details": [
            {
                "@type": "type.googleapis.com/zitadel.v1.ErrorDetail",
                "id": "ORG-x029n3",
                "message": "Notification Policy not found",
            }
        ],
    }


def test_in_zitadels_manner_an_error_without_an_id_has_no_details() -> None:
    body = status.failure(Unauthenticated("auth header missing"), Manner.ZITADEL)
    assert body == {"code": 16, "message": "auth header missing"}


STRICT_BODIES = [
    (b"", False),
    (b" \r\n", False),
    (b"{}", False),
    (b'{"passwordchange": true}', False),
    (b'{"passwordChange": null}', False),
    (b'{"passwordChange": true}', True),
    (b'{"password_change": true, "colour": {"a": 1e999}}', True),
    (b'{"passwordChange": true} and what follows', True),
    (b'{"passwordChange": true, "x": 1, "x": 2}', True),
]


@pytest.mark.parametrize(("text", "value"), STRICT_BODIES)
def test_in_zitadels_manner_what_is_not_set_is_off(text: bytes, *, value: bool) -> None:
    body = policy_wire.decode(text, Manner.ZITADEL)
    assert policy_wire.parse_update(body, SWITCHES, Manner.ZITADEL) == {"passwordChange": value}


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize(
    "text",
    [
        b"{",
        b"nonsense",
        b"\xff",
        b"[" * 60_000,
        b"null",
        b"[]",
        b"true",
        b'{"passwordChange": NaN}',
        b'{"passwordChange": "yes"}',
        b'{"passwordChange": "true"}',
        b'{"passwordChange": 1}',
        b'{"passwordChange": ' + b"1" * 5_000 + b"}",
        b'{"passwordChange": {}}',
        b'{"passwordChange": true, "passwordChange": false}',
        b'{"passwordChange": true, "password_change": true}',
    ],
)
def test_other_bodies_are_refused_in_both_manners(text: bytes, manner: Manner) -> None:
    with pytest.raises(InvalidPolicy) as refused:
        policy_wire.parse_update(policy_wire.decode(text, manner), SWITCHES, manner)
    assert status.code_of(refused.value) == 3


@pytest.mark.parametrize(
    "text", [b"", b"{}", b'{"passwordChange": null}', b'{"passwordChange": true} x']
)
def test_by_default_a_body_that_may_be_a_slip_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidPolicy):
        policy_wire.parse_update(policy_wire.decode(text), SWITCHES)


def test_a_policy_tells_what_is_false_only_by_default() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    policy = Policy("acme", {}, 1, noon, noon)
    body = policy_wire.policy_body(policy, Details(1, noon, noon, "acme"), SWITCHES)
    assert body["policy"].keys() == {"details", "isDefault", "passwordChange"}
    assert body["policy"]["passwordChange"] is body["policy"]["isDefault"] is False
    strict = policy_wire.policy_body(
        policy, Details(1, noon, noon, "acme"), SWITCHES, Manner.ZITADEL
    )
    assert strict["policy"].keys() == {"details"}
    default = Policy(INSTANCE, {"passwordChange": True}, 1, noon, noon)
    strict = policy_wire.policy_body(default, Details(1, None, noon, "i"), SWITCHES, Manner.ZITADEL)
    assert strict["policy"] == {
        "details": {"sequence": "1", "changeDate": "2026-11-24T12:00:00Z", "resourceOwner": "i"},
        "isDefault": True,
        "passwordChange": True,
    }


def test_a_change_tells_who_and_from_what_to_what() -> None:
    noon = datetime(2026, 11, 24, 12, tzinfo=UTC)
    change = Change(2, noon, "task", Effect.REMOVED, {"passwordChange": True}, None)
    assert policy_wire.change_body(change) == {
        "sequence": "2",
        "changeDate": "2026-11-24T12:00:00Z",
        "by": "task",
        "effect": "removed",
        "before": {"passwordChange": True},
        "after": None,
    }
