"""The systemd units are understood, hardened, and start what exists."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from dispatcher.settings import Settings
from tests.acceptance.compose import ROOT

FOLDER: Final = ROOT / "deploy/systemd"
UNITS: Final = sorted(FOLDER.glob("*.service"))
PROGRAMS: Final = Path(sys.executable).parent
EXPOSURE: Final = 20
"""Tenths of what systemd calls exposure at most; 96 is a unit without any hardening."""

each_unit = pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def _lines(unit: Path, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", unit.read_text(), re.MULTILINE)


def _analyze(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


def _installed(unit: Path, folder: Path) -> Path:
    """Return the unit as it would be installed here, an instance with the programs beside us."""
    here = folder / unit.name.replace("@", "@1")
    here.write_text(unit.read_text().replace("/opt/dispatcher/bin", str(PROGRAMS)))
    return here


@needs_systemd
@each_unit
def test_systemd_understands_the_unit(unit: Path, tmp_path: Path) -> None:
    verified = _analyze("verify", "--man=no", _installed(unit, tmp_path))

    assert verified.returncode == 0, verified.stderr
    assert unit.stem.partition("@")[0] not in verified.stderr


@needs_systemd
@each_unit
def test_a_unit_exposes_little(unit: Path, tmp_path: Path) -> None:
    judged = _analyze(
        "security", "--offline=true", f"--threshold={EXPOSURE}", _installed(unit, tmp_path)
    )

    if "unrecognized option" in judged.stderr:
        pytest.skip("this systemd cannot judge a unit that is not loaded")
    assert judged.returncode == 0, judged.stdout


@each_unit
def test_a_unit_starts_a_program_of_ours(unit: Path) -> None:
    (command,) = _lines(unit, "ExecStart")
    program, *arguments = command.replace("%i@%%h", "1@here").split()

    assert Path(program).parent == Path("/opt/dispatcher/bin")
    asked = subprocess.run(
        [PROGRAMS / Path(program).name, *arguments, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={"DISPATCHER_BROKER_URL": "redis://127.0.0.1:1/0"},
    )
    assert asked.returncode == 0, asked.stderr


@each_unit
def test_variables_are_settings_and_secrets_are_credentials(unit: Path) -> None:
    variables = dict(line.split("=", 1) for line in _lines(unit, "Environment"))
    loaded = {line.split(":")[0] for line in _lines(unit, "LoadCredential")}
    used = {value.removeprefix("%d/") for value in variables.values() if value.startswith("%d/")}

    known = {f"DISPATCHER_{field.upper()}" for field in Settings.model_fields}
    assert {name.removesuffix("_FILE") for name in variables} <= known
    assert used == loaded
    assert all(name.endswith("_FILE") for name, value in variables.items() if "%d/" in value)


@each_unit
def test_systemd_waits_longer_than_what_is_in_flight_is_given(unit: Path) -> None:
    (wait,) = _lines(unit, "TimeoutStopSec")

    assert float(wait) > Settings.model_fields["stop_grace"].default
