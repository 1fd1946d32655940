"""The stack's own Valkey, started by its own start script with its own roles."""

import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError
from redis.exceptions import ConnectionError as Unreachable
from redis.retry import Retry

from dispatcher.adapters.standalone.valkey_binary import find_binary
from tests.acceptance.compose import ROOT, environment

START: Final = ROOT / "deploy/valkey/start.sh"
_PATIENCE: Final = 30.0


def passwords() -> dict[str, str]:
    """Return each role's password in the stack."""
    return {
        name.removeprefix("VALKEY_").removesuffix("_PASSWORD").lower(): value
        for name, value in environment("valkey").items()
    }


@dataclass(frozen=True, slots=True)
class StackValkey:
    """A running server of the stack.

    Attributes:
        pid: Its process.
        folder: Where its files are.
    """

    pid: int
    folder: Path

    @property
    def socket(self) -> Path:
        return self.folder / "socket"

    @property
    def acl_file(self) -> Path:
        return self.folder / "users.acl"

    def client(self, role: str) -> Redis:
        return self.connection(username=role, password=passwords()[role])

    def connection(self, **credentials: Any) -> Redis:
        """Return a client that takes the first no for an answer."""
        never = Retry(NoBackoff(), 0)
        return Redis(unix_socket_path=str(self.socket), retry=never, **credentials)

    def url(self, stack_url: str) -> str:
        """Return where the stack's *stack_url* leads to here."""
        credentials, _, place = stack_url.removeprefix("redis://").partition("@")
        assert place == "valkey:6379/0", stack_url
        return f"redis+socket://{credentials}@{self.socket}?virtual_host=0"

    def denials(self) -> list[str]:
        """Return what the server refused anybody so far, as `role: object`."""
        with self.client("admin") as admin:
            return [f"{entry['username']}: {entry['object']}" for entry in admin.acl_log()]


@contextmanager
def running(folder: Path, secrets: Mapping[str, str]) -> Iterator[StackValkey]:
    """Run the server in *folder* with the passwords of *secrets*, by role."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "valkey-server").symlink_to(find_binary(search_path=""))
    variables = {f"VALKEY_{role.upper()}_PASSWORD": secret for role, secret in secrets.items()}
    with (folder / "server.log").open("wb") as log:
        server = subprocess.Popen(
            ["sh", START, "--port", "0", "--unixsocket", folder / "socket"],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={
                "PATH": f"{programs}:/usr/bin:/bin",
                "VALKEY_ACL_FILE": str(folder / "users.acl"),
                **variables,
            },
        )
    valkey = StackValkey(server.pid, folder)
    try:
        _await_answer(valkey, server)
        yield valkey
    finally:
        server.terminate()
        server.wait(timeout=_PATIENCE)


def _await_answer(valkey: StackValkey, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    with valkey.client("admin") as admin:
        while True:
            try:
                admin.ping()
            except (Unreachable, BusyLoadingError):
                ended = server.poll() is not None
                if ended or time.monotonic() > deadline:
                    raise AssertionError((valkey.folder / "server.log").read_text()) from None
                time.sleep(0.01)
            else:
                return
