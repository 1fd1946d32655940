"""CloudEvents carry our events: structured, batched and binary."""

from base64 import b64encode
from json import dumps
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.errors import MalformedEvent
from dispatcher.sources import cloudevents, native
from tests.builders import a_raw_event

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


def _envelope(**changed: Any) -> dict[str, Any]:
    raw = a_raw_event()
    return {
        "specversion": "1.0",
        "id": raw["id"],
        "source": "https://iam.example/realms/acme",
        "type": "iam.user.password_changed.v1",
        "time": raw["occurred_at"],
        "orgid": raw["org_id"],
        "datacontenttype": "application/json",
        "data": {"user": raw["user"], "change": "reset"},
    } | changed


def test_a_structured_one_is_the_event_it_carries() -> None:
    event = native.parse(cloudevents.from_structured(_envelope()))

    assert (event.id, event.org_id, event.user.email) == ("evt-1", "acme", "ada@example.org")
    assert event.source == "https://iam.example/realms/acme"
    assert event.change == "reset"


def test_fields_that_the_envelope_lacks_are_taken_from_the_payload() -> None:
    raw = a_raw_event()
    envelope = _envelope(data=raw)
    del envelope["time"], envelope["orgid"]

    event = native.parse(cloudevents.from_structured(envelope))

    assert event.org_id == raw["org_id"]


def test_the_subject_is_the_user() -> None:
    envelope = _envelope(subject="u-77", data={"user": {"email": "ada@example.org"}})

    assert native.parse(cloudevents.from_structured(envelope)).user.id == "u-77"
    assert native.parse(cloudevents.from_structured(_envelope(subject="u-77"))).user.id == "u-1"
    assert native.parse(cloudevents.from_structured(_envelope(subject="u-77", data={}))).user.id


def test_a_payload_may_be_base64() -> None:
    envelope = _envelope()
    payload = envelope.pop("data")
    envelope["data_base64"] = b64encode(dumps(payload).encode()).decode()

    assert native.parse(cloudevents.from_structured(envelope)).change == "reset"


def test_attributes_may_be_headers() -> None:
    headers = [
        ("CE-SpecVersion", "1.0"),
        ("ce-id", "evt-1"),
        ("ce-source", quote("https://iam.example/a b")),
        ("ce-type", "iam.user.password_changed.v1"),
        ("ce-time", "2026-11-24T12:00:00Z"),
        ("ce-orgid", "acme"),
        ("content-type", "application/json"),
    ]

    event = native.parse(cloudevents.from_binary(headers, {"user": {"id": "u-1"}}))

    assert event.source == "https://iam.example/a b"


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"specversion": None}, "specversion"),
        ({"id": ""}, "id: is required"),
        ({"source": None, "type": None}, "source: is required; type: is required"),
        ({"data": None}, "data: expected a JSON object"),
        ({"data": [1]}, "data: expected a JSON object"),
        ({"data_base64": "!"}, "data_base64"),
        ({"data_base64": 7}, "data_base64"),
    ],
)
def test_what_is_wrong_is_said(changed: dict[str, Any], expected: str) -> None:
    with pytest.raises(MalformedEvent, match=expected):
        cloudevents.from_structured(_envelope(**changed))


def test_another_type_is_none_of_ours() -> None:
    with pytest.raises(MalformedEvent, match="type"):
        native.parse(cloudevents.from_structured(_envelope(type="com.example.other")))


@given(_JSON)
def test_anything_else_is_malformed_and_never_an_error_of_ours(envelope: object) -> None:
    with pytest.raises(MalformedEvent):
        native.parse(cloudevents.from_structured(envelope))
