"""Bodies that are encrypted for us, as the book says how, and by no other way."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDH,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    EllipticCurve,
)
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_ec
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from dispatcher.errors import UntrustedEvent
from dispatcher.sources import encryption

_CONTENT = b"eyJhbGciOiJSUzI1NiJ9.e30.AA"


def _sealed(token: bytes, header: Mapping[str, Any], wrapped: bytes, key: bytes) -> bytes:
    """Return a JWE as RFC 7516 section 5.1 makes one, from a content key and how it is wrapped."""
    protected = jwt.utils.base64url_encode(json.dumps(header).encode())
    nonce = bytes(12)
    sealed = AESGCM(key).encrypt(nonce, token, protected)
    parts = (wrapped, nonce, sealed[:-16], sealed[-16:])
    return b".".join([protected, *map(jwt.utils.base64url_encode, parts)])


@cache
def _encrypted() -> tuple[str, bytes]:
    """Return a private key, and a token that is encrypted for it by RSA-OAEP-256."""
    private, key = generate_rsa(65537, 2048), bytes(range(32))
    padding = OAEP(MGF1(SHA256()), SHA256(), None)
    header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "typ": "JWT", "cty": "JWT", "kid": "k"}
    body = _sealed(_CONTENT, header, private.public_key().encrypt(key, padding), key)
    return _pem(private), body


@cache
def _agreed(curve: EllipticCurve) -> tuple[str, bytes]:
    """Return a private key, and a token that is encrypted for it by ECDH-ES+A256KW."""
    private, ephemeral, key = generate_ec(curve), generate_ec(curve), bytes(range(32))
    shared = ephemeral.exchange(ECDH(), private.public_key())
    name, nothing = b"ECDH-ES+A256KW", bytes(4)
    # RFC 7518 section 4.6.2: the algorithm, both parties' names (none), and the bits.
    about = len(name).to_bytes(4) + name + nothing + nothing + (256).to_bytes(4)
    agreed = ConcatKDFHash(SHA256(), 32, about).derive(shared)
    public = ECAlgorithm.to_jwk(ephemeral.public_key(), as_dict=True)
    header = {"alg": name.decode(), "enc": "A256GCM", "cty": "JWT", "epk": public}
    return _pem(private), _sealed(_CONTENT, header, aes_key_wrap(agreed, key), key)


def _pem(key: Any) -> str:
    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


@pytest.mark.parametrize("key", ["RSA", "P-256", "P-384", "P-521"])
def test_what_is_encrypted_by_the_book_is_read(key: str) -> None:
    curves = {"P-256": SECP256R1(), "P-384": SECP384R1(), "P-521": SECP521R1()}
    private_key, body = _agreed(curves[key]) if key in curves else _encrypted()
    secrets = ("a-signing-key", _agreed(SECP256R1())[0], private_key)

    assert encryption.is_encrypted(body)
    assert encryption.decrypt(body, secrets) == _CONTENT


@given(st.integers(0, 4), st.integers(0, 400), st.binary(min_size=1, max_size=4))
def test_what_was_changed_is_not_read(part: int, place: int, changed: bytes) -> None:
    private_key, body = _encrypted()
    parts = body.split(b".")
    at = place % len(parts[part])
    parts[part] = parts[part][:at] + changed + parts[part][at:]

    with pytest.raises(UntrustedEvent):
        encryption.decrypt(b".".join(parts), [private_key])


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "dir", "enc": "A256GCM"},
        {"alg": "RSA1_5", "enc": "A256GCM"},
        {"alg": "RSA-OAEP-256", "enc": "A256GCM", "zip": "DEF"},
        {"alg": "PBES2-HS256+A128KW", "enc": "A256GCM", "p2c": 10**9, "p2s": "AA"},
        {"alg": "ECDH-ES+A256KW", "enc": "A256GCM", "epk": {"kty": "oct", "k": "AA"}},
        {"alg": 7, "enc": None},
        [],
    ],
)
def test_other_ways_to_encrypt_are_none_of_ours(header: object) -> None:
    private_key, body = _encrypted()
    _, rest = body.split(b".", 1)
    encoded = jwt.utils.base64url_encode(json.dumps(header).encode())

    with pytest.raises(UntrustedEvent):
        encryption.decrypt(encoded + b"." + rest, [private_key])


def test_a_public_key_and_a_short_one_are_no_private_keys() -> None:
    good, _ = _encrypted()
    public = load_pem_private_key(good.encode(), None).public_key()
    encoded = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    for bad in (encoded, _short_key()):
        assert encryption.mistakes(["a-signing-key", bad])
    assert not encryption.mistakes(["a-signing-key", good, _agreed(SECP384R1())[0]])


def _short_key() -> str:
    return _pem(generate_rsa(65537, 1024))  # noqa: S505 - that is the point
