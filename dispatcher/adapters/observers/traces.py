"""Traces by OpenTelemetry: a walk is a span within its producer's, and each stop one within it.

Only imported where traces are wanted, with the extra ``otel``. Where they go, and how many of them,
say OpenTelemetry's own variables: ``OTEL_EXPORTER_OTLP_ENDPOINT``, ``OTEL_TRACES_SAMPLER``.
"""

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace import Span, SpanKind, StatusCode, format_trace_id
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from dispatcher import __version__
from dispatcher.events import Event


class Traces:
    """Tells how long each stop of a walk takes.

    Args:
        processor: Takes spans away; it is closed with this.
    """

    def __init__(self, processor: SpanProcessor) -> None:
        about = {"service.name": "dispatcher", "service.version": __version__}
        # What OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say comes first.
        self._provider = TracerProvider(resource=Resource(about).merge(Resource.create()))
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("dispatcher", __version__)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def walk(self, event: Event) -> Iterator[str]:
        """Be a span for the whole walk; give the trace's id."""
        parent = None
        if event.traceparent:
            parent = self._propagator.extract({"traceparent": event.traceparent})
        about = {"event.id": event.id, "event.type": event.type, "organization.id": event.org_id}
        with self._span("dispatch", SpanKind.CONSUMER, parent, about) as span:
            yield format_trace_id(span.get_span_context().trace_id)

    def stop(self, name: str) -> AbstractContextManager[object]:
        """Return a span for one stop of the walk under way."""
        return self._span(name, SpanKind.CLIENT if name == "relay" else SpanKind.INTERNAL)

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        parent: Context | None = None,
        about: Mapping[str, str] | None = None,
    ) -> Iterator[Span]:
        with self._tracer.start_as_current_span(
            name,
            context=parent,
            kind=kind,
            attributes=about,
            # An error's words may hold an address; its class does not.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield span
            except BaseException as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
