"""A real Valkey for the store's own tests."""

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.integration.store.valkey_server import running_valkey


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture
def valkey_url(_valkey: str) -> str:
    """Return the URL of an empty store."""
    with Redis.from_url(_valkey) as client:
        client.flushall()
    return _valkey
