"""Processes of one data folder get names of their own, the same ones after a restart."""

from pathlib import Path

import pytest

from dispatcher.adapters.standalone.run_folder import RunFolder
from dispatcher.errors import ConfigError


def test_two_of_a_name_are_told_apart(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.seat("worker1") as first, folder.seat("worker1") as second:
        assert (first.name, second.name) == ("worker1", "worker1-2")
        assert first.socket != second.socket
    with folder.seat("worker1") as again:
        assert again.name == "worker1"


def test_what_a_dead_process_left_behind_is_in_nobodys_way(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    with folder.seat("worker1") as seat:
        seat.socket.touch()
    seat.socket.touch()  # as one leaves it that was killed
    assert folder.sockets() == [seat.socket]
    with folder.seat("worker1") as again:
        assert (again.name, again.socket.exists()) == ("worker1", False)


def test_sockets_are_listed_while_their_processes_are_there(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "run")
    assert folder.sockets() == []
    with folder.seat("b") as later, folder.seat("a") as first:
        for seat in (later, first):
            seat.socket.touch()
        assert folder.sockets() == [first.socket, later.socket]
    assert folder.sockets() == []


def test_a_folder_deep_down_has_short_sockets(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*("deeper-and-deeper" for _ in range(8)))
    folder = RunFolder(deep)
    with folder.seat("worker1") as seat:
        assert len(str(seat.socket)) < 104
        seat.socket.touch()
        assert folder.sockets() == [seat.socket]


@pytest.mark.parametrize("name", ["", "…", "../../etc", "a/b", "x" * 300])
def test_a_strange_name_is_made_fit(tmp_path: Path, name: str) -> None:
    with RunFolder(tmp_path / "run").seat(name) as seat:
        assert seat.socket.parent == tmp_path / "run" or len(str(tmp_path)) > 60
        assert "/" not in seat.name
        assert 1 <= len(seat.name) <= 40


def test_a_folder_that_others_may_read_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("no folder")
    with pytest.raises(ConfigError), RunFolder(tmp_path / "run").seat("worker1"):
        pass
