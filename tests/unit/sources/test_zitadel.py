"""ZITADEL's event targets and its HTTP provider, beyond what the recorded calls show."""

import json
from asyncio import run
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from functools import cache
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.algorithms import get_default_algorithms

from dispatcher.adapters.oidc.algorithms import VerificationKey, read_key
from dispatcher.connection import Connection
from dispatcher.errors import MalformedEvent, UntrustedEvent
from dispatcher.sources.hook import Call, NoKeys, Occurrence, Reading
from dispatcher.sources.zitadel import SOURCE
from dispatcher.sources.zitadel_notifications import SOURCE as NOTIFICATIONS
from tests.builders import NOON
from tests.calls import Keys
from tests.openssl import hmac_of, needs_openssl

_SECONDS: Final = int(NOON.timestamp())
_KEY: Final = "a-signing-key"


def _event(**changed: Any) -> dict[str, Any]:
    return {
        "aggregateID": "u-1",
        "resourceOwner": "acme",
        "instanceID": "i-1",
        "sequence": 7,
        "event_type": "user.human.password.changed",
        "created_at": NOON.isoformat(),
        "userID": "u-1",
        "event_payload": {"encodedHash": "$2a$14$secret"},
    } | changed


def _connection(*secrets: str, **options: str) -> Connection:
    return Connection("iam", "zitadel", frozenset({"acme"}), secrets=secrets, options=options)


def _body(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content).encode()


def _verified(call: Call, connection: Connection, keys: Keys | None = None) -> bytes:
    return run(SOURCE.verify(call, connection, keys or NoKeys(), NOON))


def _told(reading: Reading) -> Occurrence:
    (found,) = reading.found
    assert isinstance(found, Occurrence)
    return found


@needs_openssl
@pytest.mark.parametrize("source", [SOURCE, NOTIFICATIONS], ids=lambda source: source.kind)
@pytest.mark.parametrize("key", [_KEY, "schlüssel", "k" * 200])
def test_what_openssl_signs_is_proven(source: Any, key: str) -> None:
    body = _body(_event())
    signature = hmac_of(f"{_SECONDS}.".encode() + body, key.encode())
    call = Call(body, {"zitadel-signature": f"t={_SECONDS},v1={signature}"})

    assert run(source.verify(call, _connection("another", key), NoKeys(), NOON)) == body


@given(st.text(max_size=80) | st.from_regex(r"t=\d{1,15}(,v1=[0-9a-f]{0,70}){0,3}", fullmatch=True))
@example(f"t={_SECONDS},v1=")
@example(f"t={'9' * 400},v1=00")
@example(f"t={_SECONDS},v1=\u0660\u0660")
def test_no_header_that_is_made_up_proves_anything(header: str) -> None:
    with pytest.raises(UntrustedEvent):
        _verified(Call(b"{}", {"zitadel-signature": header}), _connection(_KEY))


@given(
    st.binary(max_size=200) | st.dictionaries(st.sampled_from([*_event()]), st.none()).map(_body)
)
def test_any_body_is_read_ignored_or_malformed(body: bytes) -> None:
    for source in (SOURCE, NOTIFICATIONS):
        with suppress(MalformedEvent):
            assert source.parse(body, Call(body), _connection(_KEY)).found == ()


def test_nothing_of_a_password_is_in_what_is_read() -> None:
    reading = SOURCE.parse(_body(_event()), Call(b""), _connection(_KEY))

    assert "secret" not in repr(reading)


def test_nothing_of_a_code_is_in_what_is_read() -> None:
    message = {
        "contextInfo": {
            "eventType": "user.human.password.changed",
            "recipientEmailAddress": "ada@example.org",
        },
        "templateData": {"url": "https://id.example/?code=0M53RF"},
        "args": {"code": "0M53RF", "changeDate": NOON.isoformat()},
    }

    assert "0M53RF" not in repr(NOTIFICATIONS.parse(_body(message), Call(b""), _connection(_KEY)))


@cache
def _web_key(algorithm: str) -> tuple[Any, VerificationKey]:
    """Return a key as an instance has it, and as it publishes it."""
    key: Any = Ed25519PrivateKey.generate() if algorithm == "EdDSA" else generate_ec(SECP256R1())
    if algorithm == "RS256":
        key = generate_rsa(65537, 2048)
    public = get_default_algorithms()[algorithm].to_jwk(key.public_key(), as_dict=True)
    known = read_key({**public, "kid": "k1", "use": "sig", "alg": algorithm})
    assert known is not None
    return key, known


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
def test_what_pyjwt_signs_with_any_kind_of_web_key_is_proven(algorithm: str) -> None:
    key, known = _web_key(algorithm)
    token = jwt.encode(_event(), key, algorithm=algorithm, headers={"kid": "k1"}).encode()

    content = _verified(Call(token), _connection(issuer="https://id.example"), Keys([known]))

    assert _told(SOURCE.parse(content, Call(token), _connection())).user.id == "u-1"


def test_a_token_counts_for_a_day() -> None:
    key, known = _web_key("ES256")
    made_at = NOON - timedelta(days=1, seconds=1)
    event = _event(created_at=made_at.isoformat())
    token = jwt.encode(event, key, algorithm="ES256", headers={"kid": "k1"}).encode()

    with pytest.raises(UntrustedEvent, match="86400"):
        _verified(Call(token), _connection(jwks_url="https://id.example/keys"), Keys([known]))


@pytest.mark.parametrize(
    ("secrets", "options", "expected"),
    [
        ((_KEY,), {}, ""),
        ((), {"issuer": "https://id.example"}, ""),
        ((), {"jwks_url": "https://id.example/keys"}, ""),
        ((), {}, "signing key is required"),
        (("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----",), {}, "private key must"),
        (("-----BEGIN PUBLIC KEY-----",), {"issuer": "https://id.example"}, "private key must"),
    ],
)
def test_what_is_wrong_with_a_target_is_said(
    secrets: tuple[str, ...], options: dict[str, str], expected: str
) -> None:
    found = " ".join(SOURCE.mistakes(_connection(*secrets, **options)))

    assert expected in found
    assert bool(found) == bool(expected)


@pytest.mark.parametrize("others", ["", "send", "REFUSE"])
def test_what_is_wrong_with_a_provider_is_said(others: str) -> None:
    assert NOTIFICATIONS.mistakes(_connection())
    assert NOTIFICATIONS.mistakes(_connection(_KEY, others=others))
    assert not NOTIFICATIONS.mistakes(_connection(_KEY, others="ignore"))


def test_zitadel_makes_its_signing_keys_itself() -> None:
    assert SOURCE.new_secret(_connection(), b"\0" * 32) is None
    assert NOTIFICATIONS.new_secret(_connection(), b"\0" * 32) is None
