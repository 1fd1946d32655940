"""Our own event format, or CloudEvents, signed as Standard Webhooks has it.

Source: the specification at standardwebhooks.com, version 1.0.0.
"""

import hmac
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from dispatcher.connection import Connection
from dispatcher.errors import UntrustedEvent
from dispatcher.sources import own_format
from dispatcher.sources.hook import JSON, Call, KeySet, Reading, Reply, Source
from dispatcher.sources.proof import require_fresh, require_hmac

PREFIX: Final = "whsec_"
PUBLIC_PREFIX: Final = "whpk_"
_VERSION: Final = "v1"
_ASYMMETRIC: Final = "v1a"
_SHORTEST: Final = 24  # bytes; the specification's lower bound
_PUBLIC: Final = 32  # bytes of an Ed25519 key (RFC 8032 section 5.1.5)


class StandardWebhooks(Source):
    """Whoever signs as Standard Webhooks has it and speaks our format: Svix, or code of yours."""

    kind = "standard-webhooks"
    title = "Standard Webhooks, with our own events or CloudEvents"

    def new_secret(self, connection: Connection, octets: bytes) -> str | None:
        """Return a secret as the specification spells it."""
        del connection
        return PREFIX + b64encode(octets).decode()

    def mistakes(self, connection: Connection) -> Sequence[str]:
        """Return what is wrong with its secrets."""
        usual = super().mistakes(connection)
        if all(map(_is_sound, connection.secrets)):
            return usual
        private = f"{PREFIX} and base64 of at least {_SHORTEST} bytes"
        public = f"{PUBLIC_PREFIX} and that of {_PUBLIC} bytes, an Ed25519 public key"
        return (*usual, f"a secret must be {private}; or {public}")

    def greet(self, call: Call, connection: Connection) -> Reply | None:
        """Return CloudEvents' consent to being called."""
        del connection
        return own_format.greet(call)

    async def verify(
        self, call: Call, connection: Connection, keys: KeySet, now: datetime
    ) -> bytes:
        """Return the body, which one of the secrets signed within the last five minutes."""
        del keys
        check(call, connection.secrets, now)
        return call.body

    def parse(self, content: bytes, call: Call, connection: Connection) -> Reading:
        """Return the events that it holds."""
        return own_format.read(content, call, connection.organization)

    def sample(self, connection: Connection, now: datetime, tenant: str = "") -> Call | None:
        """Return an event of ours, signed with the newest secret."""
        key = secret_key(connection.secrets[0]) if connection.secrets else None
        if key is None:
            return None
        signed_at = str(int(now.timestamp()))
        body = own_format.sample(now, tenant)
        message_id = f"msg_{now.timestamp():.6f}"
        signature = hmac.digest(key, f"{message_id}.{signed_at}.".encode() + body, "sha256")
        headers = {
            "content-type": JSON,
            "webhook-id": message_id,
            "webhook-timestamp": signed_at,
            "webhook-signature": f"{_VERSION},{b64encode(signature).decode()}",
        }
        return Call(body, headers)


def check(call: Call, secrets: Iterable[str], now: datetime) -> None:
    """Let a call pass that one of the secrets signed lately.

    Raises:
        UntrustedEvent: None did.
    """
    signed_at = call.header("webhook-timestamp")
    if not (signed_at.isascii() and signed_at.isdigit()):
        raise UntrustedEvent("it has no webhook-timestamp")
    require_fresh(float(signed_at), now)
    named = f"{call.header('webhook-id')}.{signed_at}."
    signed = named.encode(errors="surrogatepass") + call.body
    known, brought = list(secrets), call.header("webhook-signature")
    public = [key for key in map(public_key, known) if key]
    asymmetric = _signatures(brought, _ASYMMETRIC) if public else ()
    if any(_is_signed_by(key, each, signed) for key in public for each in asymmetric):
        return
    keys = [key for key in map(secret_key, known) if key]
    require_hmac(_signatures(brought, _VERSION), signed, keys)


def public_key(secret: str) -> bytes | None:
    """Return the public key that ``whpk_…`` spells; None where it spells none."""
    if not secret.startswith(PUBLIC_PREFIX):
        return None
    key = secret_key(secret.removeprefix(PUBLIC_PREFIX))
    return key if key and len(key) == _PUBLIC else None


def secret_key(secret: str) -> bytes | None:
    """Return the key that a secret such as ``whsec_…`` spells; None where it spells none."""
    try:
        return b64decode(secret.removeprefix(PREFIX), validate=True)
    except (Base64Error, ValueError):
        return None


def _is_sound(secret: str) -> bool:
    return bool(public_key(secret)) or len(secret_key(secret) or b"") >= _SHORTEST


def _is_signed_by(key: bytes, signature: bytes, signed: bytes) -> bool:
    # Whoever has no public key among the secrets is spared the library's memory.
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above
    from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415 - as above

    try:
        ed25519.Ed25519PublicKey.from_public_bytes(key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _signatures(header: str, wanted: str) -> list[bytes]:
    """Return the signatures of a version; several while a key is replaced."""
    found = []
    for each in header.replace(", ", " ").split(" "):
        version, _, encoded = each.partition(",")
        try:
            octets = b64decode(encoded, validate=True)
        except (Base64Error, ValueError):
            continue
        if version == wanted:
            found.append(octets)
    return found


SOURCE: Final = StandardWebhooks()
