"""The Kubernetes example fits together, is confined, and says what the program understands."""

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from dispatcher import __version__
from dispatcher.settings import Settings, load_settings
from tests.acceptance.compose import ROOT, dockerfile, services
from tests.acceptance.monitoring import RULES

FOLDER: Final = ROOT / "deploy/kubernetes"
APPLIED: Final = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]
OPTIONAL: Final = ["keda.yaml", "monitoring.yaml"]


def _objects(*names: str) -> Iterator[dict[str, Any]]:
    for name in names:
        yield from yaml.safe_load_all((FOLDER / name).read_text())


def _all(kind: str) -> dict[str, dict[str, Any]]:
    return {
        each["metadata"]["name"]: each
        for each in _objects(*APPLIED, *OPTIONAL)
        if each["kind"] == kind
    }


WORKLOADS: Final = _all("Deployment") | _all("StatefulSet")
OURS: Final = sorted(_all("Deployment"))


def _pod(name: str) -> dict[str, Any]:
    pod: dict[str, Any] = WORKLOADS[name]["spec"]["template"]["spec"]
    return pod


def _container(name: str) -> dict[str, Any]:
    (container,) = _pod(name)["containers"]
    found: dict[str, Any] = container
    return found


def _labels(name: str) -> dict[str, str]:
    labels: dict[str, str] = WORKLOADS[name]["spec"]["template"]["metadata"]["labels"]
    return labels


def _variables(name: str) -> dict[str, str]:
    return {each["name"]: each["value"] for each in _container(name)["env"]}


def test_every_file_is_applied_or_needs_an_operator() -> None:
    files = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml"}

    assert files == {*APPLIED, *OPTIONAL}


@pytest.mark.parametrize("name", APPLIED)
@pytest.mark.parametrize("version", ["1.30", "1.34"])
def test_kubernetes_knows_every_field(name: str, version: str) -> None:
    schemas = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate")
    for each in _objects(name):
        schemas.validate(each, version, strict=True)


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_a_pod_is_what_the_namespace_lets_in(name: str) -> None:
    pod, container = _pod(name), _container(name)

    (namespace,) = _all("Namespace").values()
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"]
    assert container["resources"]["requests"]["cpu"]


@pytest.mark.parametrize("name", OURS)
def test_a_pod_runs_as_the_image_s_user(name: str) -> None:
    context = _pod(name)["securityContext"]

    assert f"{context['runAsUser']}:{context['runAsGroup']}" == dockerfile("USER")


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_selectors_select_what_they_belong_to(name: str) -> None:
    labels = _labels(name)
    selectors = [WORKLOADS[name]["spec"]["selector"]["matchLabels"]]
    selectors += [
        spread["labelSelector"]["matchLabels"]
        for spread in _pod(name).get("topologySpreadConstraints", [])
    ]
    if budget := _all("PodDisruptionBudget").get(name):
        selectors.append(budget["spec"]["selector"]["matchLabels"])
    if service := _all("Service").get(name):
        selectors.append(service["spec"]["selector"])
    selectors.append(_all("NetworkPolicy")[name]["spec"]["podSelector"]["matchLabels"])

    assert all(selector.items() <= labels.items() for selector in selectors)


@pytest.mark.parametrize("name", OURS)
def test_an_upgrade_takes_no_capacity_away(name: str) -> None:
    strategy = WORKLOADS[name]["spec"]["strategy"]["rollingUpdate"]

    assert strategy == {"maxSurge": 1, "maxUnavailable": 0}
    assert _all("PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1
    assert WORKLOADS[name]["spec"]["replicas"] > 1


@pytest.mark.parametrize("name", OURS)
def test_a_pod_is_given_longer_than_it_takes_to_stop(name: str) -> None:
    pause = _container(name).get("lifecycle", {}).get("preStop", {}).get("sleep", {})
    grace = float(_variables(name).get("DISPATCHER_STOP_GRACE", "30"))

    assert _pod(name)["terminationGracePeriodSeconds"] > pause.get("seconds", 0) + grace


@pytest.mark.parametrize("name", OURS)
def test_variables_are_settings_that_exist_and_load(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("")
    known = {f"DISPATCHER_{field.upper()}" for field in Settings.model_fields}
    variables = _variables(name)
    for variable, value in variables.items():
        mounted = variable.endswith("_FILE")
        assert variable.removesuffix("_FILE") in known
        assert not mounted or value.startswith("/run/secrets/dispatcher/")
        monkeypatch.setenv(variable, str(secret) if mounted else value)

    load_settings()


@pytest.mark.parametrize("name", sorted(WORKLOADS))
def test_probes_ask_ports_that_the_container_has(name: str) -> None:
    container = _container(name)
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probes = [probe for kind, probe in container.items() if kind.endswith("Probe")]

    assert probes
    asked = {probe["httpGet"]["port"] for probe in probes if "httpGet" in probe}
    assert asked <= set(ports)
    if name in OURS:
        variable = {"worker": "DISPATCHER_METRICS_BIND", "api": "DISPATCHER_HTTP_BIND"}[name]
        (port,) = asked
        assert _variables(name)[variable] == f"0.0.0.0:{ports[port]}"
        assert container["livenessProbe"]["httpGet"]["path"] == "/healthz"
        assert container["readinessProbe"]["httpGet"]["path"] == "/readyz"


def test_services_lead_to_ports_that_are_there_and_let_through() -> None:
    for name, service in _all("Service").items():
        ports = {port["name"]: port["containerPort"] for port in _container(name)["ports"]}
        allowed = {
            port["port"]
            for rule in _all("NetworkPolicy")[name]["spec"]["ingress"]
            for port in rule["ports"]
        }
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
            assert port["port"] in allowed


def test_what_is_not_named_is_shut() -> None:
    shut = _all("NetworkPolicy")["nothing-else"]["spec"]

    assert shut == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_the_example_names_this_version_never_the_latest() -> None:
    images = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["images"]

    assert [image["newTag"] for image in images] == [__version__]
    assert {_container(name)["image"] for name in OURS} == {images[0]["name"]}


def test_valkey_is_that_of_the_compose_stack() -> None:
    assert _container("valkey")["image"] == services()["valkey"]["image"]
    assert _container("valkey")["command"] == services()["valkey"]["entrypoint"]


def test_workers_are_scaled_by_a_figure_that_is_the_same_whoever_is_asked() -> None:
    (scaled,) = _all("ScaledObject").values()
    (trigger,) = scaled["spec"]["triggers"]

    assert scaled["spec"]["scaleTargetRef"]["name"] in WORKLOADS
    assert trigger["metadata"]["query"].startswith("max(dispatcher_backlog{")
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert scaled["spec"]["minReplicaCount"] >= WORKLOADS["worker"]["spec"]["replicas"]


@pytest.mark.parametrize("name", OURS)
def test_prometheus_is_told_where_metrics_are(name: str) -> None:
    monitor = _all("PodMonitor")[f"dispatcher-{name}"]["spec"]
    ports = {port["name"] for port in _container(name)["ports"]}

    assert monitor["selector"]["matchLabels"].items() <= _labels(name).items()
    (endpoint,) = monitor["podMetricsEndpoints"]
    assert endpoint["port"] in ports
    assert endpoint["relabelings"] == [{"targetLabel": "job", "replacement": f"dispatcher-{name}"}]


def test_the_alerts_go_to_the_operator_as_the_file_says() -> None:
    comment = (FOLDER / "monitoring.yaml").read_text().split("\napiVersion")[0]
    command = "\n".join(line.removeprefix("#") for line in comment.splitlines()[2:])
    command = command.replace("| kubectl apply -f -", "")

    made = subprocess.run(
        ["sh", "-c", command], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )

    rule = yaml.safe_load(made.stdout)
    assert rule["kind"] == "PrometheusRule"
    assert rule["spec"] == yaml.safe_load(RULES.read_text())
