"""Every transport that the API is spoken over."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Final

from dispatcher.web.app import Desks
from tests.contract.policy_api.clients import Client, rest
from tests.contract.policy_api.grpc_clients import over_grpc, over_web, over_web_text

TRANSPORTS: Final[dict[str, Callable[[Desks], AbstractAsyncContextManager[Client]]]] = {
    "rest": rest,
    "grpc": over_grpc,
    "grpc-web": over_web,
    "grpc-web-text": over_web_text,
}
