"""Every kind of IAM: its calls, as it makes them, cause the events that they must."""

from asyncio import run
from collections.abc import Mapping
from typing import Any

import pytest

from dispatcher.connection import Origin
from dispatcher.events import Event
from dispatcher.sources import discover
from tests.calls import Case, cases, make

_CASES = cases()


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_a_recorded_call_causes_what_it_must(case: Case) -> None:
    caused = run(make(case))
    expected = case.expected
    assert (caused.error.id if caused.error else None) == expected.get("refused")
    assert [_told(event) for event in caused.events] == expected.get("events", [])
    assert (caused.ignored, caused.malformed) == (
        expected.get("ignored", 0),
        expected.get("malformed", 0),
    )
    assert caused.reply is not None
    reply = {"status": caused.reply.status, "body": caused.reply.body}
    assert reply == {"body": None} | expected["reply"]


@pytest.mark.parametrize("case", _CASES, ids=lambda case: case.name)
def test_what_a_call_causes_says_where_it_came_in(case: Case) -> None:
    for event in run(make(case)).events:
        origin = Origin.parse(event.source)
        assert origin is not None
        assert origin.connection == case.connection.name
        assert case.connection.organization_of(origin.tenant) == event.org_id


@pytest.mark.parametrize("kind", discover())
def test_every_kind_of_source_has_recorded_calls(kind: str) -> None:
    recorded = [case for case in _CASES if case.connection.kind == kind]
    assert any("events" in case.expected for case in recorded)
    assert any("refused" in case.expected for case in recorded)


def _told(event: Event) -> Mapping[str, Any]:
    wire = event.to_wire()
    del wire["source"]
    return {name: value for name, value in wire.items() if value != {}}
