"""Calls as IAMs make them, written from what they document, each with the events it must cause.

``<kind>/<case>.json`` holds::

    now         when it comes in
    connection  name, organizations, tenants, organization, secrets, options; jwks: the issuer's
    request     method, headers, and body: a text, or JSON that is sent compactly
    events      what it causes, in our own format, without the fields that are the connection's
    ignored     how much of it is none of our business (0)
    malformed   how much of it is unreadable (0)
    refused     the error's id, where it is not proven or unreadable ("" for one without)
    reply       status, and body (null for none)
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from dispatcher.adapters.oidc.algorithms import VerificationKey, read_key
from dispatcher.connection import Connection
from dispatcher.errors import DispatcherError
from dispatcher.events import Event
from dispatcher.reception import bind_all
from dispatcher.sources import discover
from dispatcher.sources.hook import Call, Reply

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Keys:
    """A key set that does not change."""

    known: Sequence[VerificationKey]

    async def find(self, key_id: str | None, algorithm: str) -> Sequence[VerificationKey]:
        """Return the keys of that id."""
        return [
            key for key in self.known if algorithm in key.algorithms and key_id in {None, key.id}
        ]


@dataclass(frozen=True, slots=True)
class Case:
    """A recorded call, and what it must cause."""

    name: str
    connection: Connection
    call: Call
    keys: Keys
    now: datetime
    expected: Mapping[str, Any]


@dataclass(slots=True)
class Caused:
    """What a call caused."""

    events: list[Event] = field(default_factory=list)
    ignored: int = 0
    malformed: int = 0
    error: DispatcherError | None = None
    reply: Reply | None = None


def cases() -> Sequence[Case]:
    """Return all recorded calls."""
    return [_read(path) for path in sorted(FOLDER.glob("*/*.json"))]


async def make(case: Case) -> Caused:
    """Make a recorded call; return what it causes."""
    source, caused = discover()[case.connection.kind], Caused()
    caused.reply = source.greet(case.call, case.connection)
    if caused.reply is not None:
        return caused
    try:
        content = await source.verify(case.call, case.connection, case.keys, case.now)
        reading = source.parse(content, case.call, case.connection)
    except DispatcherError as error:
        caused.error, caused.reply = error, source.refused(error)
        return caused
    bound = bind_all(case.connection, reading)
    caused.events, caused.ignored = list(bound.events), bound.ignored
    caused.malformed = len(bound.malformed)
    if bound.malformed and not (bound.events or bound.ignored):
        caused.reply = source.refused(bound.malformed[0])
    else:
        caused.reply = reading.reply or source.accepted()
    return caused


def _read(path: Path) -> Case:
    recorded = json.loads(path.read_text(encoding="utf-8"))
    about, request = recorded["connection"], recorded["request"]
    body = request.get("body", "")
    if not isinstance(body, str):
        body = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    jwks = about.get("jwks", {"keys": []})["keys"]
    return Case(
        name=f"{path.parent.name}/{path.stem}",
        connection=Connection(
            name=about.get("name", "iam"),
            kind=path.parent.name,
            organizations=frozenset(about.get("organizations", ())),
            tenants=about.get("tenants", {}),
            organization=about.get("organization", ""),
            secrets=tuple(about.get("secrets", ())),
            options=about.get("options", {}),
        ),
        call=Call(
            body.encode(),
            {name.lower(): value for name, value in request.get("headers", {}).items()},
            request.get("method", "POST"),
        ),
        keys=Keys([key for jwk in jwks if (key := read_key(jwk))]),
        now=datetime.fromisoformat(recorded["now"]),
        expected=recorded,
    )
