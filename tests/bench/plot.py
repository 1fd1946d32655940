"""A bar chart in SVG: medians as bars, the spread as a line, readable in light and dark."""

from collections.abc import Sequence
from html import escape
from typing import Final

from tests.bench.series import Series

_WIDTH, _LABELS, _NUMBERS = 920, 385, 90
_ROW, _BAR, _TOP = 30, 18, 44
_OURS: Final = "#2563eb"
_THEIRS: Final = "#94a3b8"
_STYLE: Final = (
    "text{font:13px system-ui,sans-serif;fill:#1e293b}.t{font-weight:600;font-size:15px}"
    ".s{stroke:#1e293b;stroke-width:1.5}"
    "@media(prefers-color-scheme:dark){text{fill:#e2e8f0}.s{stroke:#e2e8f0}}"
)


def bars(title: str, series: Sequence[Series]) -> str:
    """Return the chart of what was measured in the first series' unit; ours stand out."""
    drawn = [each for each in series if each.values and each.unit == series[0].unit]
    scale = (_WIDTH - _LABELS - _NUMBERS) / max(each.spread[1] for each in drawn)
    height = _TOP + _ROW * len(drawn) + 8
    rows = [_row(each, _TOP + _ROW * at, scale) for at, each in enumerate(drawn)]
    heading = f"{title} ({drawn[0].unit}, median and spread)"
    frame = f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(heading)}"'
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>',
            f"<style>{_STYLE}</style>",
            f'<text class="t" x="8" y="24">{escape(heading)}</text>',
            *rows,
            "</svg>\n",
        ]
    )


def _row(series: Series, y: int, scale: float) -> str:
    middle, base, (low, high) = y + _BAR / 2, y + _BAR / 2 + 4, series.spread
    colour = _OURS if series.name.startswith("this worker") else _THEIRS
    start, end, width = _LABELS + low * scale, _LABELS + high * scale, series.median * scale
    size = f'width="{width:.1f}" height="{_BAR}" rx="3" fill="{colour}"'
    line = f'x1="{start:.1f}" x2="{end:.1f}" y1="{middle:.0f}" y2="{middle:.0f}"'
    name, label = escape(series.name), f'x="{_LABELS - 8}" y="{base:.0f}" text-anchor="end"'
    return (
        f"<text {label}>{name}</text>"
        f'<rect x="{_LABELS}" y="{y}" {size}/><line class="s" {line}/>'
        f'<text x="{end + 8:.1f}" y="{base:.0f}">{series.median:,.0f}</text>'
    )
