"""What the repository ships for Prometheus and Grafana, read as they read it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.acceptance.compose import ROOT

PROMETHEUS: Final = ROOT / "deploy/prometheus"
RULES: Final = PROMETHEUS / "alerts.yml"
DASHBOARDS: Final = sorted((ROOT / "deploy/grafana/dashboards").glob("*.json"))
RUNBOOKS: Final = ROOT / "docs/runbooks"

needs_promtool: Final = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed (Debian: prometheus)"
)


def promtool(*arguments: str | Path) -> str:
    """Return what promtool says; fail where it fails."""
    asked = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert asked.returncode == 0, asked.stdout + asked.stderr
    return asked.stdout


def alerts() -> list[dict[str, Any]]:
    """Return every alert rule."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard(path: Path) -> Mapping[str, Any]:
    read: Mapping[str, Any] = json.loads(path.read_text())
    return read


def panels(path: Path) -> list[Mapping[str, Any]]:
    """Return a dashboard's panels, without the rows' titles."""
    return [panel for panel in dashboard(path)["panels"] if panel["type"] != "row"]


def queries(path: Path, *, interval: str = "1m") -> Iterator[tuple[str, str]]:
    """Yield each panel's title and one of its queries, as Grafana would send it."""
    for panel in panels(path):
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", interval)
    for annotation in dashboard(path)["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def metrics_in(expression: str) -> set[str]:
    """Return the metrics of ours that an expression reads."""
    return set(re.findall(r"\b(?:dispatcher|process)_[a-z_]+", expression))
