"""A real Prometheus that reads a real worker and API has an answer to every panel's question."""

import json
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import yaml
from celery import Celery

from tests.acceptance.monitoring import DASHBOARDS, PROMETHEUS, alerts, queries
from tests.acceptance.stack_services import (
    PATIENCE,
    StackApi,
    command,
    running_api,
    running_worker,
    started,
    until,
)
from tests.acceptance.stack_valkey import StackValkey, passwords, running
from tests.acceptance.system import an_event
from tests.smtp_server import At, Rule, ScriptedRelay

WINDOW: Final = "5s"
"""What rates look back in this test: a scrape comes every second."""
ON_BAD_DAYS_ONLY: Final = {"Alerts", "Certificates end in"}
"""Panels that are empty here: nothing fires, and this relay has no TLS."""

pytestmark = [
    pytest.mark.timeout(240),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]


class Prometheus:
    """A running server.

    Args:
        client: Talks to it.
    """

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, query: str) -> list[Any]:
        """Return a query's result; fail where it has none."""
        answer = self._client.post("/api/v1/query", data={"query": query}).json()
        assert answer["status"] == "success", (query, answer)
        found: list[Any] = answer["data"]["result"]
        return found

    def rules(self) -> dict[str, Mapping[str, Any]]:
        """Return every alert rule by its name."""
        answer = self._client.get("/api/v1/rules").json()
        return {rule["name"]: rule for group in answer["data"]["groups"] for rule in group["rules"]}

    def targets(self) -> dict[str, str]:
        """Return each job's health."""
        answer = self._client.get("/api/v1/targets").json()
        return {each["labels"]["job"]: each["health"] for each in answer["data"]["activeTargets"]}


@contextmanager
def _prometheus(folder: Path, targets: Mapping[str, str]) -> Iterator[Prometheus]:
    """Run it as the stack does, but for where things are and how often it looks."""
    folder.mkdir()
    settings = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
    settings["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    settings["rule_files"] = [str(PROMETHEUS / "alerts.yml")]
    settings["scrape_configs"] = [
        {"job_name": job, "static_configs": [{"targets": [place]}]}
        for job, place in targets.items()
    ]
    config = folder / "prometheus.yml"
    config.write_text(yaml.safe_dump(settings))
    program = [
        "prometheus",
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'data'}",
        "--web.listen-address=127.0.0.1:0",
        "--enable-feature=exemplar-storage",
    ]
    log = folder / "prometheus.log"
    with started(program, {"PATH": "/usr/bin:/bin"}, folder, log=log.name) as process:

        def told() -> str:
            found = re.search(r'"Listening on" address=(127\.0\.0\.1:\d+)', log.read_text())
            return found[1] if found else ""

        url = f"http://{until(told, 'Prometheus says where it is', process)}"
        with httpx.Client(base_url=url, trust_env=False, timeout=PATIENCE) as client:
            yield Prometheus(client)


def _metrics_at(log: Path) -> str:
    """Return where a worker said that its metrics are, or ""."""
    for line in log.read_text().splitlines():
        if "metrics and health" in line and line.startswith("{"):
            (url,) = json.loads(line)["at"]
            return str(url).removeprefix("http://")
    return ""


def _busy(valkey: StackValkey, api: StackApi, token: str) -> None:
    """Have something of every kind happen once more."""
    url = valkey.url(f"redis://producer:{passwords()['producer']}@valkey:6379/0")
    with Celery("anybody", broker=url, backend=url, set_as_current=False) as producer:
        for wanted in (True, True, "nonsense"):
            producer.send_task(
                "dispatcher.update_notification_policy",
                ["acme", {"passwordChange": wanted}],
                queue="policies",
            )
        for event in (
            *(an_event(f"{kind}-{id(producer)}") for kind in ("sent", "late", "dead")),
            an_event(f"silent-{id(producer)}", "globex"),
        ):
            producer.send_task("dispatcher.password_changed", [event], queue="notifications")
    event = an_event(f"over-http-{id(producer)}")
    with httpx.Client(base_url=api.url, trust_env=False, timeout=PATIENCE) as client:
        bearer = {"authorization": f"Bearer {token}"}
        client.post("/v1/events", json=event, headers=bearer).raise_for_status()
        client.post("/v1/events", json={}, headers=bearer)
        client.post("/v1/events", json=event)


def test_every_panel_has_an_answer_and_no_alert_is_broken(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    (tmp_path / "worker").mkdir()
    (tmp_path / "api").mkdir()
    with (
        ScriptedRelay(
            Rule(At.RCPT, "451 4.3.0 later", recipient="late"),
            Rule(At.FINAL, "554 5.6.0 not this", recipient="dead"),
        ) as relay,
        running(tmp_path / "valkey", passwords()) as valkey,
        running_worker(
            valkey,
            tmp_path / "worker",
            smtp_url=f"smtp://127.0.0.1:{relay.port}?tls=none",
            metrics_bind="127.0.0.1:0",
            log_format="json",
        ) as env,
        running_api(valkey, tmp_path / "api") as api,
    ):
        made = ("token", "create", "--org", "acme", "--role", "ORG_OWNER", "--expires", "9d")
        token = json.loads(command(env, *made, "--json"))["token"]
        worker = until(lambda: _metrics_at(tmp_path / "worker/worker.log"), "metrics are told")
        targets = {"dispatcher-worker": worker, "dispatcher-api": api.url.removeprefix("http://")}
        with _prometheus(tmp_path / "prometheus", targets) as prometheus:
            until(
                lambda: prometheus.targets() == dict.fromkeys(targets, "up"),
                "both are scraped",
            )
            empty = {title for path in DASHBOARDS for title, _ in queries(path)}

            def all_answer() -> bool:
                _busy(valkey, api, token)
                for path in DASHBOARDS:
                    for title, query in queries(path, interval=WINDOW):
                        if prometheus.ask(query.replace("[5m]", f"[{WINDOW}]")):
                            empty.discard(title)
                return empty <= ON_BAD_DAYS_ONLY

            try:
                until(all_answer, "every panel has an answer")
            except AssertionError:
                raise AssertionError(f"no answer: {sorted(empty - ON_BAD_DAYS_ONLY)}") from None
            rules = prometheus.rules()

    assert set(rules) == {alert["alert"] for alert in alerts()}
    assert {name: rule["lastError"] for name, rule in rules.items() if rule.get("lastError")} == {}
    assert {name for name, rule in rules.items() if rule["health"] != "ok"} == set()
