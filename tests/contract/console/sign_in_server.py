"""An OIDC issuer that people sign in at: it knows everybody, and minds PKCE."""

import json
import secrets
import threading
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc.jwk import RSAKey

from tests.builders import NOON
from tests.integration.oidc.issuer_server import DISCOVERY, KEYS, jwk, sign

CLIENT, AUDIENCE = "the-console", "the-api"


@dataclass
class SignInServer:
    """What it knows.

    Args:
        url: Where it is.
        claims: What the next access token says besides.
        refuses: Whether it sends people back without a code.
        asked: What it was asked to authorize.
    """

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    refuses: bool = False
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    renewals: set[str] = field(default_factory=set)
    """What the next access token is given for; nothing where it gives none."""
    gives_renewals: bool = False
    nonce: str = ""
    """What an ID token says instead of what it should."""
    now: float = field(default_factory=NOON.timestamp)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048))

    def documents(self) -> dict[str, Any]:
        """Return what it publishes."""
        return {
            DISCOVERY: {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": self.url + KEYS,
                "response_types_supported": ["code"],
                "id_token_signing_alg_values_supported": ["RS256"],
            },
            KEYS: {"keys": [jwk(self.key, kid="k1", alg="RS256", use="sig")]},
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Return where a browser goes that was sent here."""
        self.asked.append(asked)
        if self.refuses:
            answer = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            answer = {"code": code, "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def exchange(self, form: dict[str, str]) -> dict[str, Any] | None:
        """Return tokens for a code, once, to whoever has asked for it; or the next ones."""
        if form.get("grant_type") == "refresh_token":
            if form["refresh_token"] not in self.renewals:
                return None
            self.renewals.remove(form["refresh_token"])
            return {"token_type": "Bearer", "access_token": self.access_token(), **self._renewal()}
        asked = self.codes.pop(form.get("code", ""), None)
        digest = sha256(form.get("code_verifier", "").encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or asked["code_challenge"] != challenge:
            return None
        return {
            "token_type": "Bearer",
            "expires_in": 3600,
            "access_token": self.access_token(),
            "id_token": self._id_token(self.nonce or asked["nonce"]),
            **self._renewal(),
        }

    def _renewal(self) -> dict[str, str]:
        if not self.gives_renewals:
            return {}
        renewal = secrets.token_urlsafe()
        self.renewals.add(renewal)
        return {"refresh_token": renewal}

    def access_token(self) -> str:
        """Return an access token of the tests' time."""
        now = self.now
        claims = {"iss": self.url, "aud": AUDIENCE, "sub": "ada", "iat": now, "exp": now + 3600}
        header = {"alg": "RS256", "kid": "k1", "typ": "at+jwt"}
        return sign(header, claims | self.claims, self.key)

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT, "sub": "ada", "nonce": nonce}
        header = {"alg": "RS256", "kid": "k1"}
        return sign(header, claims | {"iat": now, "exp": now + 300}, self.key)


@contextmanager
def sign_in_server() -> Iterator[SignInServer]:
    """Run one on a free port."""
    state = SignInServer()

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                place = state.authorize({n: v[0] for n, v in parse_qs(parts.query).items()})
                self.answer(302, b"", location=place)
            else:
                self.answer(200, json.dumps(state.documents().get(parts.path)).encode())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            tokens = state.exchange({n: v[0] for n, v in parse_qs(body).items()})
            answer = tokens or {"error": "invalid_grant"}
            self.answer(200 if tokens else 400, json.dumps(answer).encode())

        def answer(self, status: int, body: bytes, **headers: str) -> None:
            self.send_response(status)
            headers |= {"content-type": "application/json", "content-length": str(len(body))}
            for name, value in headers.items():
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
        server.shutdown()
        thread.join()
        server.server_close()
