"""The compose stack as Docker would read it: merged, with the variables filled in."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[2]
VARIABLE: Final = re.compile(r"(?<!\$)\$\{(?P<name>\w+):-(?P<default>[^}]*)\}")

Service = Mapping[str, Any]


def compose_text() -> str:
    return (ROOT / "docker-compose.yml").read_text()


def stack(variables: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the stack with *variables* from a `.env`, defaults for the others."""
    filled: dict[str, Any] = _fill(yaml.safe_load(compose_text()), variables or {})
    # Compose types a filled-in value by its place; this is the one that is not a string.
    deploy = filled["services"]["worker"]["deploy"]
    deploy["replicas"] = int(deploy["replicas"])
    return filled


def _fill(node: Any, variables: Mapping[str, str]) -> Any:
    match node:
        case dict():
            return {key: _fill(value, variables) for key, value in node.items()}
        case list():
            return [_fill(value, variables) for value in node]
        case str():
            filled = VARIABLE.sub(lambda m: variables.get(m["name"]) or m["default"], node)
            return filled.replace("$$", "$")
        case _:
            return node


def services(variables: Mapping[str, str] | None = None) -> dict[str, Service]:
    found: dict[str, Service] = stack(variables)["services"]
    return found


def environment(service: str) -> dict[str, str]:
    return {name: str(value) for name, value in services()[service]["environment"].items()}


def env_example() -> dict[str, str]:
    """Return what `deploy/env.example` sets."""
    lines = (ROOT / "deploy/env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def _instructions() -> list[str]:
    text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
    return [line.strip() for line in text.splitlines() if line and not line.startswith("#")]


def dockerfile(instruction: str) -> str:
    """Return the arguments of the last such instruction, the one that counts."""
    found = [line for line in _instructions() if line.startswith(f"{instruction} ")]
    return found[-1].removeprefix(instruction).strip()


def sources() -> set[str]:
    """Return what the image is built from."""
    copies = [line.split()[1:-1] for line in _instructions() if line.startswith("COPY ")]
    return {name for names in copies if not names[0].startswith("--") for name in names}


def worker_command() -> list[str]:
    command: list[str] = json.loads(dockerfile("CMD"))
    return command


def health_command(service: str) -> list[str]:
    """Return the command by which Docker asks whether a service of the stack is well."""
    test: list[str] = services()[service]["healthcheck"]["test"]
    assert test[0] == "CMD"
    return test[1:]
