"""What others' code signs is taken, and what our samples sign is taken by others' code."""

import json
from asyncio import run
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from subprocess import run as run_program
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurvePrivateKey,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm
from standardwebhooks import Webhook

from dispatcher.adapters.oidc.algorithms import read_key
from dispatcher.connection import Connection
from dispatcher.errors import UntrustedEvent
from dispatcher.sources.fusionauth import SOURCE as FUSIONAUTH
from dispatcher.sources.hook import Call, NoKeys
from dispatcher.sources.ssf import MEDIA_TYPE
from dispatcher.sources.ssf import SOURCE as SSF
from dispatcher.sources.standard_webhooks import SOURCE as STANDARD_WEBHOOKS
from dispatcher.sources.supabase import SOURCE as SUPABASE
from tests.calls import Keys

PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey | Ed25519PrivateKey

_NOW: Final = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
_ISSUER: Final = "https://idp.acme.example"
_HMAC_KEY: Final = "an-hmac-key-for-all-sizes-of-hash-of-more-than-sixty-four-characters"
_WEBHOOK_SECRET: Final = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_RECEIVER: Final = Connection(
    "iam", "ssf", organization="acme", options={"issuer": _ISSUER, "audience": "us"}
)
_CLAIMS: Final[Mapping[str, Any]] = {
    "iss": _ISSUER,
    "aud": "us",
    "jti": "4d3c",
    "iat": int(_NOW.timestamp()),
    "sub_id": {"format": "iss_sub", "iss": _ISSUER, "sub": "u-42"},
    "events": {
        "https://schemas.openid.net/secevent/caep/event-type/credential-change": {
            "credential_type": "password",
            "change_type": "update",
        }
    },
}
_SET_HEADER: Final = {"typ": "secevent+jwt", "kid": "k1"}


def _rsa() -> RSAPrivateKey:
    return generate_rsa(65537, 2048)


_SIGNERS: Final[Mapping[str, Callable[[], PrivateKey]]] = {
    "RS256": _rsa,
    "RS512": _rsa,
    "PS256": _rsa,
    "ES256": lambda: generate_ec(SECP256R1()),
    "ES384": lambda: generate_ec(SECP384R1()),
    "ES512": lambda: generate_ec(SECP521R1()),
    "EdDSA": Ed25519PrivateKey.generate,
}


def _published(key: PrivateKey) -> Keys:
    if isinstance(key, RSAPrivateKey):
        jwk = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
    elif isinstance(key, EllipticCurvePrivateKey):
        jwk = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    else:
        jwk = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
    read = read_key({"kid": "k1", **jwk})
    assert read is not None
    return Keys([read])


def _push(token: bytes) -> Call:
    return Call(token, {"content-type": MEDIA_TYPE})


@pytest.mark.parametrize("algorithm", _SIGNERS)
def test_security_events_that_pyjwt_signs_are_taken(algorithm: str) -> None:
    key = _SIGNERS[algorithm]()
    token = jwt.encode(dict(_CLAIMS), key, algorithm, headers=_SET_HEADER).encode()
    content = run(SSF.verify(_push(token), _RECEIVER, _published(key), _NOW))
    assert json.loads(content) == _CLAIMS
    assert len(SSF.parse(content, _push(token), _RECEIVER).found) == 1


def test_a_security_event_of_which_any_byte_was_changed_is_refused() -> None:
    key = generate_ec(SECP256R1())
    token = jwt.encode(dict(_CLAIMS), key, "ES256", headers=_SET_HEADER).encode()
    for place in range(0, len(token) - 1, 7):
        other = b"A" if token[place : place + 1] != b"A" else b"B"
        changed = token[:place] + other + token[place + 1 :]
        with pytest.raises(UntrustedEvent):
            run(SSF.verify(_push(changed), _RECEIVER, _published(key), _NOW))


def test_a_security_event_that_openssl_signs_is_taken(tmp_path: Path) -> None:
    key = _rsa()
    pem = tmp_path / "key.pem"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    header = {"alg": "RS256", **_SET_HEADER}
    signed = b".".join(_encoded(json.dumps(part).encode()) for part in (header, _CLAIMS))
    command = ["openssl", "dgst", "-sha256", "-sign", str(pem)]
    signature = run_program(command, input=signed, capture_output=True, check=True).stdout
    token = signed + b"." + _encoded(signature)
    content = run(SSF.verify(_push(token), _RECEIVER, _published(key), _NOW))
    assert json.loads(content) == _CLAIMS


@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_fusionauth_s_signatures_that_pyjwt_makes_are_taken(algorithm: str) -> None:
    body = b'{"event":{"type":"user.password.update"}}'
    claims = {"request_body_sha256": b64encode(sha256(body).digest()).decode()}
    call = Call(body, {"x-fusionauth-signature-jwt": jwt.encode(claims, _HMAC_KEY, algorithm)})
    connection = Connection("iam", "fusionauth", secrets=("another", _HMAC_KEY))
    assert run(FUSIONAUTH.verify(call, connection, NoKeys(), _NOW)) == body
    with pytest.raises(UntrustedEvent):
        run(FUSIONAUTH.verify(replace(call, body=body + b" "), connection, NoKeys(), _NOW))


def test_our_sample_of_fusionauth_s_signature_is_taken_by_pyjwt() -> None:
    connection = Connection("iam", "fusionauth", secrets=(_HMAC_KEY,))
    call = FUSIONAUTH.sample(connection, _NOW)
    assert call is not None
    claims = jwt.decode(call.header("x-fusionauth-signature-jwt"), _HMAC_KEY, ["HS256"])
    assert claims == {"request_body_sha256": b64encode(sha256(call.body).digest()).decode()}


def test_what_the_library_of_standard_webhooks_signs_is_taken() -> None:
    webhook = Webhook(_WEBHOOK_SECRET)
    body = b'{"any":"thing"}'
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(_NOW.timestamp())),
        "webhook-signature": webhook.sign("msg_1", _NOW, body.decode()),
    }
    ours = Connection("iam", "standard-webhooks", secrets=(_WEBHOOK_SECRET,))
    theirs = Connection("iam", "supabase", secrets=(f"v1,{_WEBHOOK_SECRET}",))
    assert run(STANDARD_WEBHOOKS.verify(Call(body, headers), ours, NoKeys(), _NOW)) == body
    assert run(SUPABASE.verify(Call(body, headers), theirs, NoKeys(), _NOW)) == body


def test_a_webhook_that_openssl_signs_with_a_private_key_is_taken(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    public = b64encode(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()
    pem, signed = tmp_path / "key.pem", tmp_path / "signed"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    body, sent_at = b'{"any":"thing"}', str(int(_NOW.timestamp()))
    signed.write_bytes(f"msg_1.{sent_at}.".encode() + body)
    command = ["openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(pem), "-in", str(signed)]
    signature = b64encode(run_program(command, capture_output=True, check=True).stdout).decode()
    call = Call(
        body,
        {
            "webhook-id": "msg_1",
            "webhook-timestamp": sent_at,
            "webhook-signature": f"v1,AAAA v1a,AAAA v1a,{signature}",
        },
    )
    connection = Connection("iam", "standard-webhooks", secrets=(f"whpk_{public}",))
    assert run(STANDARD_WEBHOOKS.verify(call, connection, NoKeys(), _NOW)) == body
    assert STANDARD_WEBHOOKS.sample(connection, _NOW) is None
    with pytest.raises(UntrustedEvent):
        run(STANDARD_WEBHOOKS.verify(replace(call, body=b"{}"), connection, NoKeys(), _NOW))
    another = replace(connection, secrets=(f"whpk_{'A' * 43}=", _WEBHOOK_SECRET))
    with pytest.raises(UntrustedEvent):
        run(STANDARD_WEBHOOKS.verify(call, another, NoKeys(), _NOW))


def test_a_public_key_is_no_shared_secret() -> None:
    public = "A" * 43 + "="
    signed = Webhook(f"whsec_{public}").sign("msg_1", _NOW, "{}")
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(_NOW.timestamp())),
        "webhook-signature": signed,
    }
    connection = Connection("iam", "standard-webhooks", secrets=(f"whpk_{public}",))
    with pytest.raises(UntrustedEvent):
        run(STANDARD_WEBHOOKS.verify(Call(b"{}", headers), connection, NoKeys(), _NOW))


def test_our_samples_are_taken_by_the_library_of_standard_webhooks() -> None:
    now = datetime.now(UTC)  # which it compares with itself
    ours = Connection("iam", "standard-webhooks", secrets=(_WEBHOOK_SECRET,))
    theirs = Connection("iam", "supabase", secrets=(f"v1,{_WEBHOOK_SECRET}",))
    for call in (STANDARD_WEBHOOKS.sample(ours, now), SUPABASE.sample(theirs, now)):
        assert call is not None
        Webhook(_WEBHOOK_SECRET).verify(call.body.decode(), dict(call.headers))


def _encoded(octets: bytes) -> bytes:
    return urlsafe_b64encode(octets).rstrip(b"=")
