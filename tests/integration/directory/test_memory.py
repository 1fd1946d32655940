"""Who needs no directory pays for none."""

import subprocess
import sys

_WORKER = """
import asyncio, sys
import dispatcher.celery, dispatcher.bootstrap_worker
from dispatcher.adapters.directory.by_connection import ConnectionDirectory
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.connection import Connection
from tests.builders import an_event

bare = Connection("iam", "zitadel", tenants={"300001": "acme"})
directory = ConnectionDirectory(MemoryConnectionStore([bare]), print)
asyncio.run(directory.find(an_event(source="hooks/iam/300001")))
print(*(name for name in ("httpx", "fastapi", "grpc") if name in sys.modules))
"""


def test_a_worker_without_directories_loads_no_http_client() -> None:
    ended = subprocess.run(
        (sys.executable, "-c", _WORKER), capture_output=True, text=True, timeout=60, check=True
    )
    assert ended.stdout.strip() == ""
