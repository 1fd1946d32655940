"""A walk's trace: within its producer's, each stop a span, and two at once do not mix."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from dispatcher.adapters.observers.traces import Traces
from dispatcher.ports import NoTracer
from tests.builders import an_event

TRACE = "0af7651916cd43dd8448eb211c80319c"
PRODUCER = "b7ad6b7169203331"
TRACED = replace(an_event("e-1"), traceparent=f"00-{TRACE}-{PRODUCER}-01")


class Exported:
    """Traces, and the spans that left."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.traces = Traces(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self.exporter.get_finished_spans()


@pytest.fixture
def exported() -> Exported:
    return Exported()


def hexadecimal(number: int | None) -> str:
    return f"{number or 0:x}"


def test_a_walk_is_a_span_of_its_producer_and_its_stops_are_within_it(exported: Exported) -> None:
    with exported.traces.walk(TRACED) as trace_id:
        for name in ("policy", "relay"):
            with exported.traces.stop(name):
                pass
    policy, relay, walk = exported.spans
    assert trace_id == TRACE
    assert (walk.name, walk.parent and hexadecimal(walk.parent.span_id)) == ("dispatch", PRODUCER)
    for stop, name in ((policy, "policy"), (relay, "relay")):
        assert stop.name == name
        assert stop.parent == walk.context
        assert hexadecimal(stop.context.trace_id if stop.context else 0) == TRACE.lstrip("0")


def test_an_event_without_a_trace_begins_one(exported: Exported) -> None:
    with exported.traces.walk(an_event("e-2")) as trace_id:
        pass
    [walk] = exported.spans
    assert walk.parent is None
    assert int(trace_id, 16) > 0


def test_walks_at_the_same_time_do_not_mix(exported: Exported) -> None:
    async def walk(number: int) -> None:
        event = replace(TRACED, id=f"e-{number}", traceparent=f"00-{number:032x}-{PRODUCER}-01")
        with exported.traces.walk(event):
            await asyncio.sleep(0)
            with exported.traces.stop("relay"):
                await asyncio.sleep(0)

    async def all_at_once() -> None:
        await asyncio.gather(*(walk(number) for number in range(1, 21)))

    asyncio.run(all_at_once())
    walks = {span.context.trace_id: span.context for span in exported.spans if _is_walk(span)}
    assert len(walks) == 20
    for span in exported.spans:
        if not _is_walk(span):
            assert span.parent == walks[span.context.trace_id]


def _is_walk(span: ReadableSpan) -> bool:
    return span.name == "dispatch"


def test_nothing_personal_is_told(exported: Exported) -> None:
    with pytest.raises(ValueError, match="ada"), exported.traces.walk(TRACED):  # noqa: SIM117 - two spans
        with exported.traces.stop("relay"):
            raise ValueError("550 ada@example.org unknown")
    assert "ada" not in "".join(span.to_json() for span in exported.spans)


def test_without_traces_the_event_s_own_is_known_all_the_same() -> None:
    tracer = NoTracer()
    with tracer.walk(TRACED) as trace_id, tracer.stop("relay"):
        assert trace_id == TRACE
