"""The compose stack says what Docker understands, starts what exists, and is confined."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dispatcher.settings import Settings, load_settings
from tests.acceptance.compose import (
    ROOT,
    VARIABLE,
    compose_text,
    dockerfile,
    env_example,
    environment,
    services,
    sources,
    stack,
    worker_command,
)

SERVICES = sorted(services())
OURS = ["api", "flower", "worker"]


@pytest.mark.parametrize("variables", [{}, env_example()], ids=["defaults", "env.example"])
def test_the_stack_follows_the_compose_specification(variables: dict[str, str]) -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="has no wheel for this machine")
    read = stack(variables)
    # Without the anchors' definitions: they are merged by now.
    plain = yaml.safe_dump({key: part for key, part in read.items() if not key.startswith("x-")})

    compose_spec.PyCompose.from_yaml(plain)


def test_the_specification_check_sees_a_mistake() -> None:
    compose_spec = pytest.importorskip("compose_spec", reason="has no wheel for this machine")

    with pytest.raises(ValueError, match="service_healty"):
        compose_spec.PyCompose.from_yaml(
            "services: {a: {image: x, depends_on: {b: {condition: service_healty}}}}"
        )


def test_the_env_example_names_every_variable_of_the_stack_and_no_other() -> None:
    used = {match["name"] for match in VARIABLE.finditer(compose_text())}

    assert set(env_example()) == used


def test_the_env_example_changes_nothing_until_it_is_edited() -> None:
    assert stack(env_example()) == stack()


def test_a_default_password_says_that_it_is_for_development_only() -> None:
    secrets = {
        match["name"]: match["default"]
        for match in VARIABLE.finditer(compose_text())
        if match["name"].endswith("PASSWORD")
    }

    assert secrets
    assert all(value.startswith("dev-only-") for value in secrets.values()), secrets


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_confined(name: str) -> None:
    service = services()[name]
    user, _, group = service["user"].partition(":")

    assert int(user) > 0
    assert int(group) > 0
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert "privileged" not in service
    assert "cap_add" not in service
    assert service["mem_limit"]
    assert service["pids_limit"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_publishes_on_loopback_only(name: str) -> None:
    assert all(port.startswith("127.0.0.1:") for port in services()[name].get("ports", []))


def test_valkey_is_reached_through_an_internal_network_only() -> None:
    valkey = services()["valkey"]

    assert "ports" not in valkey
    assert [stack()["networks"][name] for name in valkey["networks"]] == [{"internal": True}]


@pytest.mark.parametrize("name", ["api", "worker"])
def test_docker_waits_longer_than_what_is_in_flight_is_given(name: str) -> None:
    grace = services()[name]["stop_grace_period"]

    assert float(grace.removesuffix("s")) > Settings.model_fields["stop_grace"].default


@pytest.mark.parametrize("name", OURS)
def test_the_image_runs_as_the_numeric_user_of_the_stack(name: str) -> None:
    assert dockerfile("USER") == services()[name]["user"]


def test_the_api_is_published_where_it_listens() -> None:
    api = services()["api"]
    listens = [environment("api")[f"DISPATCHER_{kind}_BIND"] for kind in ("HTTP", "GRPC")]
    ports = [bind.removeprefix("0.0.0.0:") for bind in listens]

    assert api["ports"] == [f"127.0.0.1:{port}:{port}" for port in ports]


def test_the_api_holds_no_secret_of_the_worker_s() -> None:
    # Not the encryption keys: what proves webhooks' calls is sealed with them, and read here.
    kept = ("SMTP", "SECRET_KEY", "WORKER_PASSWORD")

    assert not [name for name in environment("api") if any(word in name for word in kept)]


@pytest.mark.parametrize("name", OURS)
def test_the_environment_holds_settings_that_exist_and_load(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    settings = {
        key: value for key, value in environment(name).items() if key.startswith("DISPATCHER_")
    }
    monkeypatch.chdir(tmp_path)
    for key, value in settings.items():
        monkeypatch.setenv(key, value)

    load_settings()

    known = {f"DISPATCHER_{field.upper()}" for field in Settings.model_fields}
    assert set(settings) <= known


MOUNTED = [
    volume
    for name in SERVICES
    for volume in services()[name].get("volumes", [])
    if volume[0] == "."
]


@pytest.mark.parametrize("mounted", MOUNTED)
def test_what_the_stack_mounts_from_the_repository_is_there_and_read_only(mounted: str) -> None:
    folder, _, options = mounted.partition(":")

    assert (ROOT / folder).is_dir()
    assert options.endswith(":ro")


def test_what_the_stack_keeps_has_a_named_volume() -> None:
    kept = {
        volume.partition(":")[0]
        for name in SERVICES
        for volume in services()[name].get("volumes", [])
        if volume[0] != "."
    }

    assert kept == set(stack()["volumes"])


def test_the_image_alone_is_asked_only_whether_it_lives() -> None:
    """Some orchestrators kill what is not healthy, and that mends neither broker nor store."""
    assert dockerfile("HEALTHCHECK").endswith("CMD dispatcher health")


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_is_started_again_and_asked_for_its_health(name: str) -> None:
    service = services()[name]

    assert service["restart"] == "unless-stopped"
    assert service["healthcheck"]["test"]


@pytest.mark.parametrize(
    "command",
    [worker_command(), services()["flower"]["command"], services()["api"]["command"]],
    ids=["worker", "flower", "api"],
)
def test_the_command_of_a_container_exists(command: list[str], tmp_path: Path) -> None:
    program, *arguments = command

    asked = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments, "--help"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"DISPATCHER_BROKER_URL": "redis://127.0.0.1:1/0"},
    )

    assert asked.returncode == 0, asked.stderr


def test_every_file_that_the_image_is_built_from_passes_the_ignore_file() -> None:
    let_in = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    }

    assert sources() == let_in
    assert all((ROOT / name).exists() for name in let_in)
