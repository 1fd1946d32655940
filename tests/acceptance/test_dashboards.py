"""Dashboards are what Grafana reads, and ask Prometheus what it understands."""

from itertools import pairwise
from pathlib import Path

import pytest
import yaml

from tests.acceptance.compose import ROOT, services
from tests.acceptance.monitoring import (
    DASHBOARDS,
    dashboard,
    needs_promtool,
    panels,
    promtool,
    queries,
)

WIDTH = 24
"""Columns of Grafana's grid."""

each_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


@each_dashboard
def test_a_dashboard_is_called_as_its_file_so_that_links_last(path: Path) -> None:
    whole = dashboard(path)

    assert whole["uid"] == path.stem
    assert whole["tags"] == ["dispatcher"]
    assert "id" not in whole


@each_dashboard
def test_panels_have_numbers_of_their_own_and_do_not_overlap(path: Path) -> None:
    placed = dashboard(path)["panels"]
    cells = [
        (x, y)
        for panel in placed
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]

    assert len({panel["id"] for panel in placed}) == len(placed)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < WIDTH
    rows = [panel["gridPos"]["y"] for panel in placed]
    assert all(upper <= lower for upper, lower in pairwise(rows))


@each_dashboard
def test_every_panel_asks_the_chosen_source(path: Path) -> None:
    variables = dashboard(path)["templating"]["list"]
    chosen = {"type": "prometheus", "uid": "${datasource}"}

    assert [(one["name"], one["query"]) for one in variables] == [("datasource", "prometheus")]
    for panel in panels(path):
        assert panel["datasource"] == chosen
        assert panel["targets"]
        assert all(target["datasource"] == chosen for target in panel["targets"])


@needs_promtool
@each_dashboard
def test_prometheus_understands_every_query(path: Path, tmp_path: Path) -> None:
    asked = [{"record": "panel", "expr": query} for _, query in queries(path)]
    rules = tmp_path / "queries.yml"
    rules.write_text(yaml.safe_dump({"groups": [{"name": path.stem, "rules": asked}]}))

    assert "SUCCESS" in promtool("check", "rules", "--lint=none", rules)


def test_the_latency_panel_shows_single_mails_with_their_traces() -> None:
    panel = next(
        panel
        for path in DASHBOARDS
        for panel in panels(path)
        if panel["title"] == "Acceptance to the relay's 250"
    )

    assert all(target["exemplar"] for target in panel["targets"])
    assert "--enable-feature=exemplar-storage" in services()["prometheus"]["command"]


def test_grafana_finds_its_dashboards_where_the_stack_mounts_them() -> None:
    provisioning = ROOT / "deploy/grafana/provisioning"
    provider = yaml.safe_load((provisioning / "dashboards/dispatcher.yml").read_text())
    source = yaml.safe_load((provisioning / "datasources/prometheus.yml").read_text())
    grafana = services()["grafana"]
    mounted = [volume.split(":")[1] for volume in grafana["volumes"]]
    home = Path(grafana["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])

    assert provider["providers"][0]["options"]["path"] in mounted
    assert source["datasources"][0]["url"] == "http://prometheus:9090"
    assert home.name in [path.name for path in DASHBOARDS]
    assert str(home.parent) in mounted
