"""IAMs' directories as scripts: each kind answers as its real one does, or as it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

SECRET: Final = "what-opens-it"
TENANT: Final = "300001"

Answer = tuple[int, Any]
"""A status, and a document."""


@dataclass(frozen=True)
class Person:
    """Somebody that a directory knows."""

    id: str = "u-1"
    email: str | None = "ada@example.org"
    verified: bool | None = True
    name: str = "Ada Lovelace"
    locale: str = "de"
    active: bool = True
    machine: bool = False
    tenant: str = TENANT


@dataclass(frozen=True)
class Asked:
    """What somebody asked."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def steps(self) -> list[str]:
        return [unquote(step) for step in self.path.split("/")[1:]]

    @property
    def form(self) -> Mapping[str, str]:
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}


Override = Callable[[Asked], Awaitable[bytes | None]]


@dataclass
class Office:
    """A directory.

    Attributes:
        people: Whom it knows.
        override: Answers a question with raw bytes in its place, or returns None.
        asked: What it was asked.
        most_at_once: How many questions it had at a time.
        keeps_open: What ends a connection after an override; None ends it at once.
    """

    kind: str
    people: dict[str, Person] = field(default_factory=dict)
    override: Override | None = None
    asked: list[Asked] = field(default_factory=list)
    most_at_once: int = 0
    keeps_open: asyncio.Event | None = None
    url: str = ""
    _at_once: int = 0
    _serving: set[asyncio.Task[Any]] = field(default_factory=set)

    def has(self, *people: Person) -> None:
        self.people.update({person.id: person for person in people})

    def answer(self, asked: Asked) -> Answer:
        answer = getattr(self, f"_{self.kind}")
        document: Answer = answer(asked)
        return document

    def _zitadel(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            return 401, {"code": 16, "message": "invalid token"}
        if asked.method == "POST":
            wanted = json.loads(asked.body)["queries"][0]["inUserIdsQuery"]["userIds"]
            found = [_of_zitadel(self.people[each]) for each in wanted if each in self.people]
            return 200, {"details": {"totalResult": str(len(found))}, "result": found}
        person = self.people.get(asked.steps[-1])
        if person is None:
            return 404, {"code": 5, "message": "User could not be found (QUERY-Dfbg2)"}
        return 200, {
            "details": {"resourceOwner": person.tenant},
            "user": _of_zitadel(person) | {"details": {}},
        }

    def _keycloak(self, asked: Asked) -> Answer:
        if asked.method == "POST":
            if asked.form["client_secret"] != SECRET:
                return 401, {"error": "unauthorized_client"}
            if asked.steps[1] != TENANT:
                return 404, {"error": "Realm does not exist"}
            return 200, {"access_token": f"token-of-{asked.steps[1]}", "expires_in": 60}
        if asked.headers.get("authorization") != f"Bearer token-of-{asked.steps[2]}":
            return 401, {"error": "HTTP 401 Unauthorized"}
        person = self.people.get(asked.steps[-1])
        return (200, _of_keycloak(person)) if person else (404, {"error": "User not found"})

    def _okta(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"SSWS {SECRET}":
            return 401, {"errorCode": "E0000011"}
        person = self.people.get(asked.steps[-1])
        return (200, _of_okta(person)) if person else (404, {"errorCode": "E0000007"})

    def _scim(self, asked: Asked) -> Answer:
        if asked.headers.get("authorization") != f"Bearer {SECRET}":
            return 401, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"]}
        if urlsplit(asked.target).query:
            words = parse_qs(urlsplit(asked.target).query)["filter"][0]
            name, _, value = words.partition(" eq ")
            known = [_of_scim(each) for each in self.people.values()]
            found = [each for each in known if each[name] == json.loads(value)]
            return 200, {"totalResults": len(found), "Resources": found}
        person = self.people.get(asked.steps[-1])
        if person is None:
            return 404, {"schemas": ["urn:ietf:params:scim:api:messages:2.0:Error"]}
        return 200, _of_scim(person)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while asked := await _read(reader):
                self.asked.append(asked)
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    raw = await self.override(asked) if self.override else None
                finally:
                    self._at_once -= 1
                writer.write(raw or http(*self.answer(asked)))
                await writer.drain()
                if raw is not None:
                    if self.keeps_open is not None:
                        await self.keeps_open.wait()
                    break
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._serving.discard(task)
            writer.close()

    async def stop(self) -> None:
        """Answer nobody any more."""
        for task in tuple(self._serving):
            task.cancel()
            await task


@asynccontextmanager
async def opened(office: Office) -> AsyncIterator[Office]:
    """Let an office answer, on a port of its own."""
    server = await asyncio.start_server(office.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    office.url = f"http://{host}:{port}"
    try:
        yield office
    finally:
        server.close()
        await server.wait_closed()
        await office.stop()


def http(status: int, document: Any = None, **headers: str) -> bytes:
    """Return an HTTP answer."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    lines = {"content-type": "application/json", "content-length": str(len(body))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status} So\r\n{head}\r\n".encode() + body


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    first, *rest = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(method, target, headers, body)


def _of_zitadel(person: Person) -> dict[str, Any]:
    user: dict[str, Any] = {
        "userId": person.id,
        "details": {"resourceOwner": person.tenant},
        "state": "USER_STATE_ACTIVE" if person.active else "USER_STATE_INACTIVE",
    }
    if person.machine:
        return user | {"machine": {"name": "a robot"}}
    email = {"email": person.email} | ({"isVerified": True} if person.verified else {})
    profile = {"displayName": person.name, "preferredLanguage": person.locale}
    return user | {"human": {"profile": profile, "email": email}}


def _of_keycloak(person: Person) -> dict[str, Any]:
    first, _, last = person.name.partition(" ")
    return {
        "id": person.id,
        "enabled": person.active,
        "emailVerified": bool(person.verified),
        "firstName": first,
        "lastName": last,
        "attributes": {"locale": [person.locale]},
        **({"email": person.email} if person.email else {}),
        **({"serviceAccountClientId": "robot"} if person.machine else {}),
    }


def _of_okta(person: Person) -> dict[str, Any]:
    first, _, last = person.name.partition(" ")
    profile = {"firstName": first, "lastName": last, "email": person.email, "locale": person.locale}
    return {
        "id": person.id,
        "status": "ACTIVE" if person.active else "DEPROVISIONED",
        "profile": profile,
    }


def _of_scim(person: Person) -> dict[str, Any]:
    others = [{"value": "other@example.org", "type": "home"}]
    mine = [{"value": person.email, "primary": True}] if person.email else []
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "id": person.id,
        "externalId": f"x-{person.id}",
        "userName": f"{person.id}@login",
        "active": person.active,
        "displayName": person.name,
        "preferredLanguage": person.locale,
        "emails": [*others, *mine] if person.email else [],
    }
