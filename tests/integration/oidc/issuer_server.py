"""An OIDC issuer of the tests' own: it publishes what it is told to, and signs anything."""

import hmac
import json
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

Key = RSAKey | ECKey | OKPKey

DISCOVERY, KEYS = "/.well-known/openid-configuration", "/keys"


def part(value: object) -> str:
    """Return a part of a token: bytes as they are, anything else as JSON."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def sign(header: object, claims: object, key: Key | bytes, algorithm: str = "RS256") -> str:
    """Return a token signed with an algorithm, whatever its header says; bytes are a secret."""
    signed = f"{part(header)}.{part(claims)}"
    if isinstance(key, bytes):
        signature = hmac.digest(key, signed.encode(), "sha256")
    else:
        signature = JWSRegistry.algorithms[algorithm].sign(signed.encode(), key)
    return f"{signed}.{part(signature)}"


def jwk(key: Key, **members: Any) -> dict[str, Any]:
    """Return a key as a set publishes it."""
    return {**key.as_dict(private=False), **members}


@dataclass
class IssuerServer:
    """What the issuer answers.

    Args:
        url: Where it is.
        documents: What it answers, by path; bytes are sent as they are.
        asked: The paths that were asked for.
        status: What it answers with.
        gate: It answers only while this is set.
    """

    url: str = ""
    documents: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)

    def publish(self, *keys: Mapping[str, Any], **discovery: Any) -> None:
        """Publish keys."""
        self.documents[DISCOVERY] = {
            "issuer": self.url,
            "jwks_uri": self.url + KEYS,
            **discovery,
        }
        self.documents[KEYS] = {"keys": list(keys)}


@contextmanager
def running_issuer() -> Iterator[IssuerServer]:
    """Run an issuer on a free port."""
    state = IssuerServer()
    state.gate.set()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            state.gate.wait(30)
            found = state.documents.get(self.path)
            body = found if isinstance(found, bytes) else json.dumps(found).encode()
            self.send_response(state.status if found is not None else 404)
            self.send_header("content-length", str(len(body)))
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield state
    finally:
        state.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
