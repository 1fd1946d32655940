"""Folders and sockets that nobody else can reach."""

import stat
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from dispatcher.adapters.standalone.private_folder import (
    MAX_SOCKET_PATH,
    find_socket,
    make_private,
    socket_path,
)
from dispatcher.errors import ConfigError


@pytest.fixture
def short_temp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    # tmp_path is named after the user and the test: too long for a socket where both are.
    with TemporaryDirectory(prefix="s") as folder:
        monkeypatch.setattr("tempfile.tempdir", folder)
        yield Path(folder)


def _long(folder: Path) -> Path:
    return make_private(folder / ("long" * 30))


def test_a_new_folder_is_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = make_private(tmp_path / "a" / "b")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_open_folder_of_ours_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert stat.S_IMODE(make_private(tmp_path / "open").stat().st_mode) == 0o700


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError):
        make_private(tmp_path / "file")


def test_a_short_socket_path_stays_in_the_folder(tmp_path: Path) -> None:
    assert socket_path(tmp_path, "s") == tmp_path / "s"
    assert find_socket(tmp_path, "s") == tmp_path / "s"


def test_a_long_socket_path_moves_to_a_private_short_folder_and_is_found_again(
    short_temp: Path,
) -> None:
    folder = _long(short_temp)
    path = socket_path(folder, "s")
    assert len(bytes(path)) <= MAX_SOCKET_PATH
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert find_socket(folder, "s") == path
    assert socket_path(folder, "s") == path


def test_a_planted_link_in_the_place_of_the_short_folder_is_refused(short_temp: Path) -> None:
    folder = _long(short_temp)
    planted = socket_path(folder, "s").parent
    planted.rmdir()
    (short_temp / "elsewhere").mkdir(mode=0o700)
    planted.symlink_to(short_temp / "elsewhere")
    with pytest.raises(ConfigError):
        socket_path(folder, "s")
    with pytest.raises(ConfigError):
        find_socket(folder, "s")


def test_a_short_folder_that_others_can_enter_is_refused(short_temp: Path) -> None:
    folder = _long(short_temp)
    socket_path(folder, "s").parent.chmod(0o755)
    with pytest.raises(ConfigError, match="open to other users"):
        socket_path(folder, "s")
