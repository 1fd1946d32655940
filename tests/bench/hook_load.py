"""Webhooks at a steady rate: ``python -m tests.bench.hook_load``, an order in JSON on its input.

Each tells of a user whose address says when it was sent, so that whoever sees the mail knows how
long it took. A process of its own; it prints what it saw as JSON.
"""

import hmac
import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import monotonic_ns, time
from uuid import uuid4

import uvloop

from tests.bench import load
from tests.bench.http_load import Load, Order


@dataclass(frozen=True, slots=True)
class Hook:
    """Where webhooks go, and what proves them.

    Args:
        name: The connection's.
        secret: Its secret, which signs as Standard Webhooks has it.
        org_id: Whose events they bring.
    """

    name: str
    secret: str
    org_id: str

    def requests(self, port: int) -> Iterator[bytes]:
        """Yield requests for ever."""
        while True:
            event = load.event(str(uuid4()), org=self.org_id)
            event["user"]["email"] = f"{monotonic_ns()}@bench.example"
            yield self._request(port, json.dumps(event).encode())

    def _request(self, port: int, body: bytes) -> bytes:
        name, signed_at = f"msg_{uuid4().hex}", str(int(time()))
        signed = f"{name}.{signed_at}.".encode() + body
        key = b64decode(self.secret.removeprefix("whsec_"))
        signature = b64encode(hmac.digest(key, signed, "sha256")).decode()
        head = (
            f"POST /hooks/{self.name} HTTP/1.1",
            f"host: 127.0.0.1:{port}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"webhook-id: {name}",
            f"webhook-timestamp: {signed_at}",
            f"webhook-signature: v1,{signature}",
        )
        return "\r\n".join([*head, "", ""]).encode() + body


def main() -> None:
    """Send what is ordered."""
    ordered = json.load(sys.stdin)
    order, hook = Order(**ordered["order"]), Hook(**ordered["hook"])
    sent = Load(order, hook.requests(order.port))
    print(json.dumps(asdict(uvloop.run(sent.run()))))


if __name__ == "__main__":
    main()
