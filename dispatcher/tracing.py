"""Opening traces, where they are wanted."""

from collections.abc import Iterator
from contextlib import contextmanager

from dispatcher.errors import ConfigError
from dispatcher.ports import NoTracer, Tracer
from dispatcher.settings import Settings


@contextmanager
def open_tracer(settings: Settings) -> Iterator[Tracer]:
    """Open what traces walks, and send what is left in the end; nothing where none are wanted.

    Raises:
        ConfigError: They are wanted, and the packages are missing.
    """
    if not settings.traces:
        yield NoTracer()
        return
    try:  # whoever wants no traces need not have the packages, nor their memory
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - as above
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - as above

        from dispatcher.adapters.observers.traces import Traces  # noqa: PLC0415 - as above
    except ImportError as error:
        raise ConfigError(
            "DISPATCHER_TRACES: needs packages that are missing: pip install 'dispatcher[otel]'"
        ) from error
    traces = Traces(BatchSpanProcessor(OTLPSpanExporter()))
    try:
        yield traces
    finally:
        traces.close()
