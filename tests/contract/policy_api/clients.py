"""The API as a client of each transport meets it.

Another transport is one more entry of :data:`TRANSPORTS`.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import httpx

from dispatcher.adapters.standalone.listening import Address, listen
from dispatcher.web.app import Desks, create_app
from dispatcher.web.server import Server


class Rpc(Enum):
    """The calls, with their HTTP method and path."""

    GET = ("management", "GetNotificationPolicy", "GET", "/policies/notification")
    GET_DEFAULT = (
        "management",
        "GetDefaultNotificationPolicy",
        "GET",
        "/policies/default/notification",
    )
    ADD = ("management", "AddCustomNotificationPolicy", "POST", "/policies/notification")
    UPDATE = ("management", "UpdateCustomNotificationPolicy", "PUT", "/policies/notification")
    RESET = ("management", "ResetNotificationPolicyToDefault", "DELETE", "/policies/notification")
    HEALTHZ = ("management", "Healthz", "GET", "/healthz")
    ADMIN_HEALTHZ = ("admin", "Healthz", "GET", "/healthz")
    ADMIN_GET = ("admin", "GetNotificationPolicy", "GET", "/policies/notification")
    ADMIN_ADD = ("admin", "AddNotificationPolicy", "POST", "/policies/notification")
    ADMIN_UPDATE = ("admin", "UpdateNotificationPolicy", "PUT", "/policies/notification")

    @property
    def is_change(self) -> bool:
        """Tell whether its request has a field."""
        return self.value[2] in {"POST", "PUT"}

    @property
    def http(self) -> tuple[str, str]:
        """Return the HTTP method and path."""
        service, _, method, path = self.value
        return method, f"/{service}/v1{path}"

    @property
    def grpc(self) -> str:
        """Return the gRPC path."""
        service, name, _, _ = self.value
        kind = {"management": "ManagementService", "admin": "AdminService"}[service]
        return f"/zitadel.{service}.v1.{kind}/{name}"


@dataclass(frozen=True)
class Step:
    """One call.

    Args:
        rpc: What is called.
        on: The switch it sends; None for a request that says nothing.
        authorization: The header, or the caller's name; None for no header.
        org: The organization asked for by header; "" for no header.
    """

    rpc: Rpc
    on: bool | None = None
    by: str | None = "owner"
    org: str = ""
    authorization: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Return the headers, or metadata."""
        found = {}
        if self.authorization is not None:
            found["authorization"] = self.authorization
        elif self.by is not None:
            found["authorization"] = f"Bearer {self.by}"
        if self.org:
            found["x-zitadel-orgid"] = self.org
        return found


@dataclass(frozen=True)
class Answer:
    """What every transport tells, in its own way.

    Args:
        code: gRPC's status code.
        message: The error's message; "" after a success.
        id: The id of the error's detail; "" where there is none.
        details: Which fields of the details are filled: name → text.
        is_default: Whether the policy is the default.
        on: Whether its switch is on.
    """

    code: int = 0
    message: str = ""
    id: str = ""
    details: Mapping[str, str] | None = None
    is_default: bool = False
    on: bool = False


class Client(Protocol):
    """Calls the API over some transport."""

    async def call(self, step: Step) -> Answer:
        """Return the answer to one call."""
        ...


class RestClient:
    """Calls over REST, and checks what is REST's own of every answer."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def call(self, step: Step) -> Answer:
        method, path = step.rpc.http
        said = {} if step.on is None else {"passwordChange": step.on}
        content = json.dumps(said).encode() if step.rpc.is_change else None
        reply = await self.http.request(method, path, headers=step.headers, content=content)
        body = reply.json()
        assert reply.headers["content-type"] == "application/json"
        assert reply.headers["cache-control"] == "no-store"
        if reply.status_code == 200:
            policy = body.get("policy", {})
            return Answer(
                details=policy.get("details", body.get("details")),
                is_default=policy.get("isDefault", False),
                on=policy.get("passwordChange", False),
            )
        assert reply.status_code == HTTP[body["code"]]
        return Answer(body["code"], body["message"], _id(body))


def _id(body: Mapping[str, Any]) -> str:
    """Return the id of the one detail, checked to be the message's; "" where there is none."""
    if not body.get("details"):
        return ""
    (detail,) = body["details"]
    assert detail["@type"] == "type.googleapis.com/zitadel.v1.ErrorDetail"
    assert body["message"] == f"{detail['message']} ({detail['id']})"
    return str(detail["id"])


HTTP = {3: 400, 5: 404, 6: 409, 7: 403, 8: 429, 9: 400, 12: 405, 14: 503, 16: 401}


@asynccontextmanager
async def served(desks: Desks) -> AsyncIterator[str]:
    """Serve the app as in real life; yield its URL."""
    listening = listen(Address("127.0.0.1", 0))
    server = Server(create_app(desks), grace=1.0)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.stop()
        await serving


@asynccontextmanager
async def rest(desks: Desks) -> AsyncIterator[RestClient]:
    """Yield a client over REST."""
    async with served(desks) as url, httpx.AsyncClient(base_url=url, trust_env=False) as http:
        yield RestClient(http)


TRANSPORTS: dict[str, Callable[[Desks], AbstractAsyncContextManager[Client]]] = {"rest": rest}
