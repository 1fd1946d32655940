"""Every contract is tried in memory and against a real Valkey."""

from collections.abc import Callable, Iterator

import pytest

from tests.contract.worlds import MemoryWorld, Story, ValkeyWorld
from tests.integration.store.valkey_server import running_valkey


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_valkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(params=["memory", "valkey"])
def play(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    """Run a story in one of the worlds."""
    if request.param == "memory":
        return MemoryWorld().play
    return ValkeyWorld(request.getfixturevalue("valkey_url")).play
