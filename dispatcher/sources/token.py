"""Our own event format, or CloudEvents, behind a fixed token: for IAMs that cannot sign.

Ory Kratos and authentik can be told what to send and with which headers, and no more than
that; ``deploy/connect/`` has what each of them is to be told.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Final

from dispatcher.connection import Connection
from dispatcher.errors import MalformedEvent
from dispatcher.sources import fetching, own_format
from dispatcher.sources.hook import JSON, Call, KeySet, Occurrence, Reading, Reply, Source
from dispatcher.sources.proof import require_secret

_AUTHORIZATION: Final = "authorization"
_SCHEME: Final = "bearer "
_TRIGGER: Final = "ory-webhook-trigger-id"
"""Kratos' name for one run of a hook, the same over its retries."""


class Token(Source):
    """Whoever presents a token and speaks our format: Kratos, authentik, a script of yours."""

    kind = "token"
    title = "A fixed token, with our own events or CloudEvents (Ory Kratos, authentik)"
    options: ClassVar[Mapping[str, str]] = {
        "header": "the header that holds the bare token; without it, Authorization: Bearer",
        **fetching.STREAM,
        **fetching.AMQP,
    }

    def greet(self, call: Call, connection: Connection) -> Reply | None:
        """Return CloudEvents' consent to being called."""
        del connection
        return own_format.greet(call)

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the body, which comes with one of the secrets."""
        del keys, now
        require_secret(_presented(call, connection), connection.secrets)
        return call.body

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return the events that it holds; a run of Kratos' hook names its event."""
        reading = own_format.read(content, call, connection.organization)
        trigger, found = call.header(_TRIGGER), reading.found
        if not trigger or len(found) != 1:
            return reading
        return replace(reading, found=[_named(found[0], trigger)])

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return an event of ours, with the newest secret."""
        if not connection.secrets:
            return None
        header, secret = connection.options.get("header", "").lower(), connection.secrets[0]
        proof = {header: secret} if header else {_AUTHORIZATION: f"Bearer {secret}"}
        return Call(own_format.sample(now, tenant), {"content-type": JSON} | proof)


def _presented(call: Call, connection: Connection) -> str:
    header = connection.options.get("header", "").lower()
    if header:
        return call.header(header)
    presented = call.header(_AUTHORIZATION)
    # RFC 9110 section 11.1: a scheme's name is of any case.
    return presented[len(_SCHEME) :].strip() if presented.lower().startswith(_SCHEME) else ""


def _named(found: Occurrence | MalformedEvent, trigger: str) -> Occurrence | MalformedEvent:
    if isinstance(found, MalformedEvent):
        return found
    return replace(found, native_id=trigger, is_event_id=False)


SOURCE: Final = Token()
