"""The settings file of connections: all mistakes are named at once, changes count by themselves."""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from dispatcher.adapters.store.connections_file import read
from dispatcher.adapters.store.file_connections import FileConnectionStore
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.connecting import mistakes
from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.errors import ConfigError, InvalidConnection

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
KEPT = Connection("kept", "standard-webhooks", organizations=frozenset({"acme"}), secrets=(SECRET,))
SHADOWED = Connection("own", "standard-webhooks", organization="other", secrets=(SECRET,))

FILE = """
[[connection]]
name = "own"
kind = "standard-webhooks"
organizations = ["acme", "globex"]
tenants = { "300001" = "acme" }
organization = "initech"
secrets_files = ["new", "old"]

[connection.directory]
kind = "scim"
url = "https://scim.acme.example"
secret_file = "token"
options = { cache = "30" }
is_truth = true
"""


class Watch:
    """Time that passes when told, and what was told meanwhile."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.told: list[str] = []

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("new", "old"):
        (tmp_path / name).write_text(f"{SECRET}\n")
    (tmp_path / "token").write_text("a token\n")
    (tmp_path / "connections.toml").write_text(FILE)
    return tmp_path


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def store(folder: Path, watch: Watch) -> FileConnectionStore:
    return FileConnectionStore(
        folder / "connections.toml",
        MemoryConnectionStore([KEPT, SHADOWED]),
        _no_mistakes,
        lambda error: watch.told.append(str(error)),
        watch,
    )


def _no_mistakes(connection: Connection) -> Sequence[str]:
    del connection
    return ()


def _rewritten(path: Path, text: str, *, age: int) -> None:
    path.write_text(text)
    os.utime(path, ns=(age, age))


def test_a_file_says_all_that_a_connection_is(folder: Path) -> None:
    found = read(folder / "connections.toml", _no_mistakes).require()
    assert found["own"] == Connection(
        "own",
        "standard-webhooks",
        organizations=frozenset({"acme", "globex"}),
        tenants={"300001": "acme"},
        organization="initech",
        secrets=(SECRET, SECRET),
        directory=DirectoryAccess(
            "scim", "https://scim.acme.example", "a token", {"cache": "30"}, is_truth=True
        ),
    )
    assert found["own"].is_fixed


def test_the_files_connections_come_first_and_the_stores_are_there_besides(
    store: FileConnectionStore,
) -> None:
    own = asyncio.run(store.find("own"))
    assert own is not None
    assert own.organization == "initech"
    assert asyncio.run(store.find("kept")) == KEPT
    assert asyncio.run(store.find("nobody")) is None
    assert list(asyncio.run(store.names())) == ["kept", "own"]


def test_what_is_in_the_file_is_changed_there_only(store: FileConnectionStore) -> None:
    with pytest.raises(InvalidConnection, match="CONNECTIONS_FILE"):
        asyncio.run(store.alter("own", lambda _old: KEPT))
    with pytest.raises(InvalidConnection, match="CONNECTIONS_FILE"):
        asyncio.run(store.remove("own"))
    assert asyncio.run(store.alter("kept", lambda _old: SHADOWED)) == SHADOWED
    assert asyncio.run(store.remove("kept"))
    assert not asyncio.run(store.reseal("kept"))


@pytest.mark.parametrize("changed", ["connections.toml", "new"])
def test_a_changed_file_or_secret_counts_within_a_second(
    folder: Path, store: FileConnectionStore, watch: Watch, changed: str
) -> None:
    assert asyncio.run(store.find("own"))
    text = (folder / changed).read_text()
    _rewritten(folder / changed, text.replace("initech", "umbrella").replace("AAEC", "BBEC"), age=1)
    watch.seconds += 1.0
    found = asyncio.run(store.find("own"))
    assert found is not None
    assert (found.organization, found.secrets[0][6]) in {("umbrella", "A"), ("initech", "B")}


def test_a_broken_change_is_told_once_and_what_was_before_goes_on(
    folder: Path, store: FileConnectionStore, watch: Watch
) -> None:
    assert asyncio.run(store.find("own"))
    _rewritten(folder / "connections.toml", "[[connection]]\nname = ", age=1)
    for _ in range(3):
        watch.seconds += 1.0
        assert asyncio.run(store.find("own"))
    assert len(watch.told) == 1
    assert watch.told[0].startswith("DISPATCHER_CONNECTIONS_FILE: is no TOML")
    _rewritten(folder / "connections.toml", "", age=2)
    watch.seconds += 1.0
    assert asyncio.run(store.find("own")) == SHADOWED


def test_a_secret_that_vanishes_is_told_and_the_one_before_goes_on(
    folder: Path, store: FileConnectionStore, watch: Watch
) -> None:
    assert asyncio.run(store.find("own"))
    (folder / "old").unlink()
    watch.seconds += 1.0
    found = asyncio.run(store.find("own"))
    assert found is not None
    assert len(found.secrets) == 2
    assert "old" in watch.told[0]


def test_a_file_that_never_could_be_used_stops_whoever_asks(
    folder: Path, store: FileConnectionStore, watch: Watch
) -> None:
    (folder / "connections.toml").unlink()
    for _ in range(2):
        with pytest.raises(ConfigError, match="cannot be read: No such file"):
            asyncio.run(store.find("kept"))
    (folder / "connections.toml").write_text("")
    watch.seconds += 1.0
    assert asyncio.run(store.find("kept")) == KEPT


def test_all_mistakes_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "connections.toml"
    path.write_text(
        """
        other = 1
        [[connection]]
        name = "a"
        kind = 1
        secret = "never here"
        [[connection]]
        name = "A"
        kind = "nonsense"
        [[connection]]
        name = "b"
        kind = "standard-webhooks"
        organizations = ["acme"]
        secret_file = "missing"
        secrets_files = ["missing"]
        [[connection]]
        name = "c"
        kind = "standard-webhooks"
        organizations = ["ac/me"]
        tenants = { "" = "acme", "1" = "" }
        organization = "-/-"
        options = { nonsense = "1" }
        [[connection]]
        name = "c"
        kind = "standard-webhooks"
        [[connection]]
        kind = "okta"
        """
    )
    with pytest.raises(ConfigError) as told:
        read(path, mistakes).require()
    said = str(told.value)
    for mistake in (
        "other: there is no such table",
        "connection a: kind: expected a string",
        "connection a: secret: there is no such field",
        "connection A: the name: expected 1-40",
        "connection A: the kind: expected one of",
        "connection A: it may speak for nobody",
        "connection b: expected secret_file or secrets_files, not both",
        "missing: No such file",
        "connection c: organization 'ac/me'",
        "connection c: tenant '1'",
        "connection c: a tenant's name",
        "connection c: the organization of events without a tenant",
        "connection c: option 'nonsense'",
        "connection c: a secret is required",
        "connection c: there are 2 of that name",
        "connection 6: name: is required",
    ):
        assert mistake in said
    assert "never here" not in said


@pytest.mark.parametrize("text", ["connection = 1", "[connection]\nname = 'a'"])
def test_one_table_is_not_a_list_of_tables(tmp_path: Path, text: str) -> None:
    path = tmp_path / "connections.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"expected tables \[\[connection\]\]"):
        read(path, mistakes).require()


def test_what_is_no_text_is_told(folder: Path) -> None:
    (folder / "new").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="new is no text in UTF-8"):
        read(folder / "connections.toml", _no_mistakes).require()
    (folder / "connections.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is no TOML in UTF-8"):
        read(folder / "connections.toml", _no_mistakes).require()
