"""Our own event format: what is taken, what is refused, and what is kept of it."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import MalformedEvent
from dispatcher.events import Actor, ActorKind, Change, Context, Event, User
from dispatcher.sources import native
from tests.builders import a_raw_event, an_event


def test_reads_every_field() -> None:
    raw = a_raw_event(
        user={
            "id": "u-1",
            "email": "ada@example.org",
            "display_name": "Ada",
            "login_name": "ada@acme",
            "locale": "de-AT",
            "email_verified": True,
            "previous_email": "old@example.org",
        },
        occurred_at="2026-11-24T13:00:00.250+01:00",
        change="admin_reset",
        actor={"kind": "admin", "id": "a-1"},
        context={"ip": "192.0.2.1", "user_agent": "Firefox", "client": "console", "place": "Linz"},
        source="https://id.acme.example",
        type="iam.user.password_changed.v1",
    )
    assert native.parse(raw) == Event(
        id="evt-1",
        org_id="acme",
        user=User(
            "u-1",
            "ada@example.org",
            "Ada",
            "ada@acme",
            "de-AT",
            email_verified=True,
            previous_email="old@example.org",
        ),
        occurred_at=datetime(2026, 11, 24, 12, 0, 0, 250_000, tzinfo=UTC),
        change=Change.ADMIN_RESET,
        actor=Actor(ActorKind.ADMIN, "a-1"),
        context=Context("192.0.2.1", "Firefox", "console", "Linz"),
        source="https://id.acme.example",
    )


def test_reads_back_what_it_wrote() -> None:
    event = an_event(actor=Actor(ActorKind.SYSTEM), context=Context(ip="192.0.2.1"), source="urn:x")
    assert native.parse(json.loads(json.dumps(event.to_wire()))) == event


def test_takes_null_as_absent() -> None:
    raw = a_raw_event(change=None, actor=None, context={"ip": None}, source=None, type=None)
    assert native.parse(raw) == native.parse(a_raw_event())


def test_makes_one_line_of_text_and_shortens_it_rather_than_losing_the_notice() -> None:
    raw = a_raw_event(
        user={"id": "u", "display_name": "Ada\r\nBcc: x"}, context={"place": "x" * 900}
    )
    event = native.parse(raw)
    assert event.user.display_name == "Ada  Bcc: x"
    assert event.context.place == "x" * 500


@pytest.mark.parametrize(
    "address",
    [
        "ada@example.org",
        "ada+iam@mail.example.co.uk",
        "root@localhost",
        "ü@müller.example",
        "o'hara@x.test",
    ],
)
def test_takes_addresses_that_mail_can_reach(address: str) -> None:
    assert native.parse(a_raw_event(user={"email": address})).user.email == address


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"id": None}, "id: is required"),
        ({"id": "a b"}, "id: expected 1-128 characters of A-Za-z0-9._:/+=@-"),
        ({"id": "a" * 129}, "id: expected 1-128 characters"),
        ({"id": "evt-1\n"}, "id: expected 1-128 characters"),
        ({"id": 7}, "id: expected a string"),
        ({"org_id": ""}, "org_id: expected 1-64 characters of A-Za-z0-9._-"),
        ({"org_id": "acme:x"}, "org_id: expected 1-64 characters"),
        ({"user": None}, "user: is required"),
        ({"user": "ada"}, "user: expected an object"),
        ({"user": {}}, "user: expected an id or an email"),
        ({"user": {"email": "a@b.example, c@d.example"}}, "user.email: expected one mail address"),
        ({"user": {"email": "Ada <ada@example.org>"}}, "user.email: expected one mail address"),
        (
            {"user": {"email": "ada@example.org\r\nBcc: x@y"}},
            "user.email: expected one mail address",
        ),
        (
            {"user": {"id": "u", "email_verified": "yes"}},
            "user.email_verified: expected true or false",
        ),
        ({"user": {"id": "\ud800"}}, "user.id: expected valid Unicode"),
        ({"occurred_at": "2026-11-24T12:00:00"}, "occurred_at: expected an RFC 3339 time"),
        ({"occurred_at": 1764000000}, "occurred_at: expected an RFC 3339 time"),
        ({"occurred_at": "2026-13-24T12:00:00Z"}, "occurred_at: expected"),
        ({"change": "rotate"}, "change: expected 'change', 'reset'"),
        ({"actor": {"kind": "robot"}}, "actor.kind: expected 'user', 'admin'"),
        ({"type": "iam.user.created.v1"}, "'iam.user.password_changed.v1'"),
        ({"padding": "x" * native.MAX_EVENT_SIZE}, "larger than 16384 bytes"),
    ],
)
def test_refuses_what_breaks_a_rule_and_says_what_it_expected(
    change: dict[str, Any], expected: str
) -> None:
    with pytest.raises(MalformedEvent) as refusal:
        native.parse(a_raw_event(**change))
    assert expected in str(refusal.value)


@pytest.mark.parametrize("raw", [None, 1, 1.5, True, "text", ["list"]])
def test_refuses_what_is_no_object(raw: object) -> None:
    with pytest.raises(MalformedEvent, match="expected a JSON object with an event, got"):
        native.parse(raw)
    assert native.evidence(raw) == native.Evidence("", "", {})


def test_a_refusal_holds_nothing_of_what_was_there() -> None:
    raw = a_raw_event(id="sec ret", user={"email": "ada@@example.org"}, change="hunter2")
    with pytest.raises(MalformedEvent) as refusal:
        native.parse(raw)
    assert not any(word in str(refusal.value) for word in ("sec ret", "ada@@", "hunter2"))


def test_names_a_handful_of_mistakes_and_counts_the_rest() -> None:
    raw = {"change": 1, "actor": 1, "context": 1, "source": 1}
    with pytest.raises(MalformedEvent, match=r"and 3 more$"):
        native.parse(raw)


def test_keeps_known_fields_of_a_malformed_event_and_no_password_material() -> None:
    raw = a_raw_event(
        occurred_at="yesterday",
        encodedHash="$2y$",
        user={"id": "u", "password": "hunter2", "locale": ["de"]},
        actor="me",
    )
    kept = native.evidence(raw)
    assert (kept.org_id, kept.event_id) == ("acme", "evt-1")
    assert kept.known == {
        "id": "evt-1",
        "org_id": "acme",
        "user": {"id": "u", "locale": "a list"},
        "occurred_at": "yesterday",
        "actor": "me",
    }


def test_keeps_only_the_names_of_an_over_size_malformed_event() -> None:
    kept = native.evidence(a_raw_event(id="a b", source="x" * native.MAX_EVENT_SIZE))
    assert kept.known == {"org_id": "acme", "id": ""}


def test_evidence_can_be_stored_as_json_whatever_was_sent() -> None:
    kept = native.evidence(a_raw_event(source="\ud800", context={"ip": {"a": 1}}))
    assert json.loads(json.dumps(kept.known))["context"] == {"ip": "an object"}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)
fields = st.sampled_from(
    ["id", "org_id", "user", "occurred_at", "change", "actor", "context", "type"]
)


@given(raw=st.dictionaries(fields, json_values) | json_values)
def test_anything_is_either_an_event_or_malformed(raw: object) -> None:
    try:
        assert isinstance(native.parse(raw), Event)
    except MalformedEvent:
        json.dumps(native.evidence(raw).known)


@pytest.mark.parametrize(
    ("value", "valid"),
    [("acme", "acme"), ("A.b_c-9", "A.b_c-9"), ("", None), ("a b", None), (7, None)],
)
def test_knows_a_valid_organization_id(value: object, valid: str | None) -> None:
    assert native.valid_org_id(value) == valid
