"""Opening queue items: what is a task message, and what is put aside for which reason."""

import json
from base64 import b64encode
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.broker.envelope import Malformed, open_envelope


def item(content: Any, headers: Any = None, changes: dict[str, Any] | None = None) -> bytes:
    return json.dumps(
        {
            "body": b64encode(json.dumps(content).encode()).decode(),
            "content-type": "application/json",
            "content-encoding": "utf-8",
            "headers": headers,
            "properties": {"delivery_tag": "t", "body_encoding": "base64"},
        }
        | (changes or {})
    ).encode()


HEADERS = {"task": "greet", "id": "1"}


def test_protocol_2_is_opened_once_and_completely() -> None:
    envelope = open_envelope(item([["Ann"], {"loud": True}, {"chain": None}], HEADERS))
    assert (envelope.task, envelope.task_id) == ("greet", "1")
    assert envelope.call[:2] == (["Ann"], {"loud": True})
    assert not any(envelope.call[2].values())


def test_protocol_1_opens_to_the_same() -> None:
    old = {"task": "greet", "id": "1", "args": ["Ann"], "kwargs": None, "retries": 2, "eta": None}
    envelope = open_envelope(item(old))
    assert envelope.call[:2] == (["Ann"], {})
    assert envelope.task_headers == {**HEADERS, "headers": {}, "retries": 2, "eta": None}


def test_headers_of_unknown_names_do_not_pass() -> None:
    envelope = open_envelope(item([[], {}, {}], {**HEADERS, "argsrepr": "('ann@example.org',)"}))
    assert envelope.task_headers == {**HEADERS, "headers": {}}


@pytest.mark.parametrize("trace", ["junk", 7, None, "00-" + 32 * "0" + "-b7ad6b7169203331-01"])
def test_a_trace_passes_and_one_that_is_none_does_no_harm(trace: object) -> None:
    named = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    envelope = open_envelope(item([[], {}, {}], HEADERS | {"traceparent": named}))
    assert envelope.task_headers["traceparent"] == named
    broken = open_envelope(item([[], {}, {}], HEADERS | {"traceparent": trace}))
    assert "traceparent" not in broken.task_headers


def test_only_named_tasks_may_be_called() -> None:
    assert open_envelope(item([[], {}, {}], HEADERS), {"greet"}).task == "greet"
    with pytest.raises(Malformed, match="unknown_task"):
        open_envelope(item([[], {}, {}], HEADERS), {"other"})


@pytest.mark.parametrize("name", ["callbacks", "errbacks", "chain", "chord"])
def test_messages_that_carry_calls_of_other_tasks_are_refused_in_both_protocols(name: str) -> None:
    with pytest.raises(Malformed, match="embedded_calls"):
        open_envelope(item([[], {}, {name: [{"task": "x"}]}], HEADERS))
    with pytest.raises(Malformed, match="embedded_calls"):
        open_envelope(item({**HEADERS, "args": [], "kwargs": {}, name: [{"task": "x"}]}))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children),
    max_leaves=8,
)
FIELDS = ("body", "content-type", "content-encoding", "headers", "properties")


@given(st.binary())
def test_no_bytes_make_it_fail_in_any_other_way(raw: bytes) -> None:
    with pytest.raises(Malformed):
        open_envelope(raw)


@given(st.dictionaries(st.sampled_from(FIELDS), JSON), JSON, JSON)
def test_no_json_makes_it_fail_in_any_other_way(changes: Any, content: Any, headers: Any) -> None:
    with suppress(Malformed):
        assert open_envelope(item(content, headers, changes)).task
