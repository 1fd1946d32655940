"""A Valkey for the tests that walk from an event to what a relay got."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests.integration.store.valkey_server import running_valkey


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def url(valkey: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the URL of an empty store; no settings of this machine are read."""
    monkeypatch.chdir(tmp_path)
    with Redis.from_url(valkey) as client:
        client.flushall()
    return valkey
