"""The scripted relay: a listener on loopback, in a thread of its own."""

import asyncio
import re
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any, Self, TypeVar

from tests.smtp_server.certificates import Certificate
from tests.smtp_server.script import At, Rule, Traits
from tests.smtp_server.session import Session

_T = TypeVar("_T")
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]*>)", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Received:
    """One message as the relay took it."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    """As it came over the wire, dots still stuffed."""
    parameters: str
    encrypted: bool
    at: float

    @property
    def message_id(self) -> str:
        found = _MESSAGE_ID.search(self.content)
        return found.group(1).decode() if found else ""

    @property
    def unstuffed(self) -> bytes:
        return re.sub(rb"(?m)^\.\.", b".", self.content)


class ScriptedRelay:
    """Takes mail on 127.0.0.1, as its traits and rules say.

    Args:
        rules: Its misbehaviours; the first that applies wins. May be replaced while it runs.
        traits: What it is like.
        certificate: For TLS.
        port: Where to listen; 0 lets the system choose.
    """

    def __init__(
        self,
        *rules: Rule,
        traits: Traits | None = None,
        certificate: Certificate | None = None,
        port: int = 0,
    ) -> None:
        self.rules = rules
        self.traits = traits or Traits()
        self.port = port
        self.messages: list[Received] = []
        self.accepted = 0
        self.connections = 0
        self.most_at_once = 0
        self.commands: Counter[At] = Counter()
        self.tls: ssl.SSLContext | None = None
        if certificate is not None:
            self.tls = certificate.server_context(demand_client=self.traits.client_certificate)
        self._sessions: set[Session] = set()
        self._changed = threading.Condition()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()
        self.listen()
        return self

    def __exit__(self, *_: object) -> None:
        self.refuse()
        self.drop_all()
        self.wait_for(lambda relay: not relay.at_once)
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def at_once(self) -> int:
        """Return how many connections are open."""
        return len(self._sessions)

    @property
    def message_ids(self) -> Counter[str]:
        """Return how often each Message-ID was taken."""
        return Counter(message.message_id for message in self.messages)

    def listen(self) -> None:
        """Take connections (again), on the same port as before."""
        self._in_loop(self._listen())

    def refuse(self) -> None:
        """Take no more connections; open ones stay."""
        self._in_loop(self._refuse())

    def drop_all(self) -> None:
        """Cut every open connection."""
        self._in_loop(self._drop_all())

    def wait_for(self, condition: Callable[["ScriptedRelay"], bool], timeout: float = 10.0) -> None:
        """Block until the condition holds.

        Raises:
            AssertionError: It does not within *timeout* seconds.
        """
        with self._changed:
            assert self._changed.wait_for(lambda: condition(self), timeout), "it did not happen"

    async def listen_here(self) -> None:
        """Listen in the running loop instead of a thread: for a process of its own."""
        self._loop = asyncio.get_running_loop()
        await self._listen()

    def opened(self, session: Session) -> bool:
        self._sessions.add(session)
        self.connections += 1
        self.most_at_once = max(self.most_at_once, len(self._sessions))
        self._tell()
        return not 0 < self.traits.connections < len(self._sessions)

    def closed(self, session: Session) -> None:
        self._sessions.discard(session)
        self._tell()

    def heard(self, at: At) -> None:
        self.commands[at] += 1

    def take(self, session: Session, content: bytes) -> None:
        self.accepted += 1
        if self.traits.keep:
            self.messages.append(
                Received(
                    session.sender,
                    tuple(session.recipients),
                    content,
                    session.parameters.strip(),
                    session.encrypted,
                    monotonic(),
                )
            )
            self._tell()

    def _tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self, started: threading.Event) -> None:
        self._loop = asyncio.new_event_loop()
        asyncio.set_event_loop(self._loop)
        self._loop.call_soon(started.set)
        self._loop.run_forever()

    def _in_loop(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: Session(self),
            "127.0.0.1",
            self.port,
            ssl=self.tls if self.traits.implicit_tls else None,
            backlog=1024,
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def _refuse(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        await asyncio.sleep(0)

    async def _drop_all(self) -> None:
        for session in tuple(self._sessions):
            session.abort()
        await asyncio.sleep(0)
