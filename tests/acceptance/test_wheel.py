"""The package works where only its wheel is: an empty virtual environment, an empty folder."""

import os
import re
import subprocess
import sys
import tomllib
import venv
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Final
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT: Final = Path(__file__).parents[2]


def _run(*command: str | Path, cwd: Path, **env: str) -> str:
    finished = subprocess.run(
        command,
        cwd=cwd,
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = ("-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT)
    _run(sys.executable, *build, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the programs' folder of an environment with the wheel and what it needs.

    What it needs is lent by this environment, at the end of the path, without this
    environment's own editable installation: nothing is downloaded, and nothing but the
    wheel can provide the package.
    """
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False)
    python = home / "bin/python"
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    _run(sys.executable, "-m", "pip", "--python", python, "install", *quiet, wheel, cwd=home)
    (packages,) = home.glob("lib/*/site-packages")
    lent = home / "lent"
    lent.mkdir()
    for source in _site_packages():
        if "notification_dispatcher" not in source.name and not source.name.endswith(".pth"):
            (lent / source.name).symlink_to(source)
    (packages / "lent.pth").write_text(f"{lent}\n")
    return home / "bin"


def _site_packages() -> Iterator[Path]:
    return Path(str(distribution("pytest").locate_file(""))).iterdir()


def test_the_wheel_carries_templates_examples_and_licence(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())

    expected = {
        f"dispatcher/{inside}/{file.relative_to(ROOT / outside)}"
        for outside, inside in (("templates", "templates"), ("docs/examples", "examples"))
        for file in (ROOT / outside).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert expected
    assert expected <= names
    assert "dispatcher/py.typed" in names
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_the_wheel_carries_nothing_but_the_package(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in ZipFile(wheel).namelist()}

    assert {re.sub(r"-[\d.]+\.dist-info", "", top) for top in tops} == {
        "dispatcher",
        "notification_dispatcher",
    }


def test_the_wheel_carries_every_file_of_the_package(wheel: Path) -> None:
    names = set(ZipFile(wheel).namelist())

    files = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "dispatcher").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert files
    assert files <= names


def test_a_package_index_takes_the_wheel(wheel: Path) -> None:
    assert "PASSED" in _run(sys.executable, "-m", "twine", "check", "--strict", wheel, cwd=ROOT)


def test_the_program_runs_from_the_wheel_in_an_empty_folder(
    installed: Path, tmp_path: Path
) -> None:
    said = _run(installed / "dispatcher", "--version", cwd=tmp_path)

    assert distribution("notification-dispatcher").version in said


def test_celery_finds_the_app_of_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = (
        "from celery.app.utils import find_app; app = find_app('dispatcher');"
        "import dispatcher; print(app.main, dispatcher.__file__)"
    )
    settings = {"DISPATCHER_BROKER_URL": "redis://127.0.0.1:1/0"}

    name, file = _run(installed / "python", "-c", code, cwd=tmp_path, **settings).split()

    assert name == "dispatcher"
    assert Path(file).is_relative_to(installed.parent)


def test_what_the_package_reads_is_found_beside_it(installed: Path, tmp_path: Path) -> None:
    code = (
        "from importlib.resources import files; root = files('dispatcher');"
        "print(len((root / 'examples/events.jsonl').read_text().splitlines()));"
        "print((root / 'templates/password_change/body.html').is_file())"
    )

    lines, template = _run(installed / "python", "-c", code, cwd=tmp_path).split()

    assert int(lines) >= 40
    assert template == "True"


def test_every_package_that_is_installed_for_us_has_one_exact_pin() -> None:
    pins = [
        line.partition("==")
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    pinned = {canonicalize_name(name) for name, _, version in pins if version}

    assert len(pinned) == len(pins)
    assert _closure() <= pinned


def _closure() -> set[str]:
    """Return what the runtime, its extras, the tests and the build need, as installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(need for extra in project["project"]["optional-dependencies"].values() for need in extra),
        *(need for group in project["dependency-groups"].values() for need in group),
    ]
    found: set[str] = set()
    pending = [Requirement(need) for need in wanted]
    while pending:
        need = pending.pop()
        name = canonicalize_name(need.name)
        if name in found or not _applies(need):
            continue
        try:
            needs = distribution(name).requires or []
        except PackageNotFoundError:
            continue  # an extra of somebody's that is not installed
        found.add(name)
        pending += [Requirement(each) for each in needs]
    return found


def _applies(need: Requirement) -> bool:
    return need.marker is None or need.marker.evaluate({"extra": ""})
