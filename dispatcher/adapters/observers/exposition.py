"""Metrics as text, in the form that who asks understands best, and several such texts as one."""

from collections.abc import Iterable, Sequence
from typing import Final

from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric

_END: Final = b"# EOF"
_HEAD: Final = b"# "
_CREATED: Final = "_created"


def exposition(metrics: Iterable[Metric], accept: str, *, process: str = "") -> bytes:
    """Return metrics as text.

    Args:
        metrics: What to show.
        accept: The request's ``Accept`` header; exemplars are in OpenMetrics only.
        process: Whose they are: the value of a label that each gets; "" for none.
    """
    encode, _ = choose_encoder(accept)
    return encode(_Fixed([_labelled(metric, process) for metric in metrics]))


def media_type(accept: str) -> str:
    """Return the media type of what :func:`exposition` returns."""
    return choose_encoder(accept)[1]


def merged(texts: Iterable[bytes]) -> bytes:
    """Return several processes' texts of one form as one: each metric is described once only."""
    heads: dict[bytes, dict[bytes, bytes]] = {}
    samples: dict[bytes, list[bytes]] = {}
    is_open_metrics = False
    for text in texts:
        name = b""
        for line in text.split(b"\n"):
            if line == _END:
                is_open_metrics = True
            elif line.startswith(_HEAD):
                word, name = line.split(b" ", 3)[1:3]
                heads.setdefault(name, {}).setdefault(word, line)
            elif line:
                samples.setdefault(name, []).append(line)
    lines = [
        line for name, head in heads.items() for line in (*head.values(), *samples.get(name, ()))
    ]
    return b"\n".join([*lines, *([_END] if is_open_metrics else []), b""])


class _Fixed:
    """A registry, as far as the client asks, of metrics that were collected already."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _labelled(metric: Metric, process: str) -> Metric:
    labels = {"process": process} if process else {}
    metric.samples = [
        sample._replace(labels={**labels, **sample.labels})
        for sample in metric.samples
        if not sample.name.endswith(_CREATED)  # twice as many series, to say what rate() knows
    ]
    return metric
