"""Alerts fire for what they are meant for, and each has a page that says what to do."""

import re

import pytest
import yaml

from tests.acceptance.monitoring import (
    PROMETHEUS,
    RULES,
    RUNBOOKS,
    alerts,
    needs_promtool,
    promtool,
)

NAMES = [alert["alert"] for alert in alerts()]


@needs_promtool
def test_prometheus_reads_its_settings() -> None:
    promtool("check", "config", "--syntax-only", PROMETHEUS / "prometheus.yml")


@needs_promtool
def test_prometheus_reads_the_rules() -> None:
    assert f"{len(NAMES)} rules found" in promtool("check", "rules", RULES)


@needs_promtool
def test_every_alert_fires_and_keeps_quiet_as_written() -> None:
    assert "SUCCESS" in promtool("test", "rules", PROMETHEUS / "alerts.test.yml")


def test_every_alert_is_seen_to_fire_in_a_test() -> None:
    cases = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text())["tests"]
    fired = {
        check["alertname"]
        for case in cases
        for check in case["alert_rule_test"]
        if check["exp_alerts"]
    }

    assert fired == set(NAMES)


@pytest.mark.parametrize("alert", alerts(), ids=NAMES)
def test_an_alert_says_how_urgent_it_is_what_happens_and_where_to_read(
    alert: dict[str, dict[str, str]],
) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    assert alert["annotations"]["summary"]
    assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{alert['alert']}.md"


@pytest.mark.parametrize("name", NAMES)
def test_a_runbook_says_what_it_means_what_to_look_at_what_to_mend_and_what_follows(
    name: str,
) -> None:
    page = (RUNBOOKS / f"{name}.md").read_text()

    assert page.startswith(f"# {name}\n")
    assert "**Impact.**" in page
    assert re.findall(r"^## (.+)$", page, re.MULTILINE) == ["First look", "Mend", "After"]
    assert "```console" in page


def test_there_is_no_runbook_without_an_alert_and_the_index_names_each_once() -> None:
    pages = {page.stem for page in RUNBOOKS.glob("*.md")} - {"README"}
    index = re.findall(
        r"^\| \[(\w+)\]\(\1\.md\) \| (page|ticket) \|",
        (RUNBOOKS / "README.md").read_text(),
        re.MULTILINE,
    )

    assert pages == set(NAMES)
    assert sorted(index) == sorted((a["alert"], a["labels"]["severity"]) for a in alerts())
