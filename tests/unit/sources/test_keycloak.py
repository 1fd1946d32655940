"""Keycloak's events and who carries them, beyond what the recorded calls show."""

import json
from asyncio import run
from collections.abc import Mapping
from contextlib import suppress
from hashlib import sha256
from typing import Any, Final

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import ECAlgorithm

from dispatcher.adapters.oidc.algorithms import read_key
from dispatcher.connection import Connection
from dispatcher.errors import MalformedEvent, UntrustedEvent
from dispatcher.sources import keycloak_events
from dispatcher.sources.hook import Call, NoKeys, Occurrence
from dispatcher.sources.keycloak import SOURCE
from tests.builders import NOON
from tests.calls import Keys
from tests.openssl import hmac_of, needs_openssl

_SECRET: Final = "a-webhook-secret"
_ISSUER: Final = "https://id.example/realms/acme"


def _event(**changed: Any) -> dict[str, Any]:
    return {
        "uid": "uid-1",
        "time": int(NOON.timestamp() * 1000),
        "realmName": "acme",
        "type": "access.UPDATE_CREDENTIAL",
        "authDetails": {"userId": "u-1"},
        "details": {"credential_type": "password"},
    } | changed


def _connection(*secrets: str, **options: str) -> Connection:
    return Connection("iam", "keycloak", frozenset({"acme"}), secrets=secrets, options=options)


def _body(content: object) -> bytes:
    return json.dumps(content).encode()


@needs_openssl
@pytest.mark.parametrize("algorithm", ["sha256", "sha1"])
@pytest.mark.parametrize("secret", [_SECRET, "geheim-äöü", "s" * 200])
def test_what_openssl_signs_is_proven(algorithm: str, secret: str) -> None:
    body = _body(_event())
    call = Call(body, {"x-keycloak-signature": hmac_of(body, secret.encode(), algorithm)})

    connection = _connection("another", secret, hmac=algorithm)

    assert run(SOURCE.verify(call, connection, NoKeys(), NOON)) == body


def test_what_pyjwt_signs_with_an_elliptic_realm_key_is_proven() -> None:
    body, key = _body(_event()), generate_private_key(SECP256R1())
    public = ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    known = read_key({**public, "kid": "k1", "use": "sig"})
    assert known is not None
    claims = {
        "iss": _ISSUER,
        "aud": "dispatcher",
        "exp": NOON.timestamp() + 300,
        "request_body_sha256": sha256(body).hexdigest(),
    }
    token = jwt.encode(claims, key, algorithm="ES256", headers={"kid": "k1"})
    connection = _connection(issuer=_ISSUER, audience="dispatcher")

    call = Call(body, {"authorization": f"bearer {token}"})

    assert run(SOURCE.verify(call, connection, Keys([known]), NOON)) == body


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_header_that_is_made_up_proves_anything(signature: str, authorization: str) -> None:
    headers = {"x-keycloak-signature": signature, "authorization": f"Bearer {authorization}"}
    for connection in (_connection(_SECRET), _connection(issuer=_ISSUER, audience="dispatcher")):
        with pytest.raises(UntrustedEvent):
            run(SOURCE.verify(Call(b"{}", headers), connection, NoKeys(), NOON))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*_event(), "operationType", "resourcePath"]), _JSON))
def test_a_field_of_any_kind_makes_an_event_ignored_or_malformed_at_worst(
    changed: Mapping[str, Any],
) -> None:
    event = {**_event(), **changed}
    with suppress(MalformedEvent):
        for found in keycloak_events.read(_body(event)).found:
            assert isinstance(found, Occurrence)
            assert found.user.id == str(event["authDetails"]["userId"])


@given(st.text(max_size=40), st.text(max_size=40))
def test_an_administrators_reset_is_of_the_user_in_the_path_only(user: str, actor: str) -> None:
    event = _event(
        type="admin.USER-ACTION",
        operationType="ACTION",
        resourceType="USER",
        resourcePath=f"users/{user}/reset-password",
        authDetails={"userId": actor, "username": "root", "ipAddress": "198.51.100.9"},
    )

    for found in keycloak_events.read(_body(event)).found:
        assert isinstance(found, Occurrence)
        assert found.user.id == user.encode(errors="replace").decode()


def test_a_carrier_that_knows_the_realm_names_it() -> None:
    event = _event(realmName=None, realmId="0f6e3f7e")

    (found,) = keycloak_events.read(_body(event), realm="acme").found

    assert isinstance(found, Occurrence)
    assert found.tenant == "acme"


def test_nothing_of_a_representation_is_in_what_is_read() -> None:
    event = _event(
        operationType="ACTION",
        resourcePath="users/u-1/reset-password",
        representation='{"type":"password","value":"hunter2"}',
    )

    assert "hunter2" not in repr(keycloak_events.read(_body(event)))


@pytest.mark.parametrize(
    ("secrets", "options", "expected"),
    [
        ((_SECRET,), {}, ""),
        ((_SECRET,), {"hmac": "sha1"}, ""),
        ((), {"issuer": _ISSUER, "audience": "dispatcher"}, ""),
        ((), {"unsigned": "true"}, ""),
        ((), {}, "secret is required"),
        ((_SECRET,), {"hmac": "md5"}, "hmac must be"),
        ((_SECRET,), {"unsigned": "yes"}, "unsigned must be"),
        ((_SECRET,), {"unsigned": "true"}, "leave out secret and issuer"),
        (
            (),
            {"unsigned": "true", "issuer": _ISSUER, "audience": "dispatcher"},
            "leave out secret and issuer",
        ),
        ((), {"issuer": _ISSUER}, "belong together"),
        ((_SECRET,), {"audience": "dispatcher"}, "belong together"),
    ],
)
def test_what_is_wrong_with_a_connection_is_said(
    secrets: tuple[str, ...], options: dict[str, str], expected: str
) -> None:
    found = " ".join(SOURCE.mistakes(_connection(*secrets, **options)))

    assert expected in found
    assert bool(found) == bool(expected)


def test_a_secret_is_made_where_one_is_to_prove_calls() -> None:
    assert SOURCE.new_secret(_connection(), b"\0" * 32)
    assert SOURCE.new_secret(_connection(issuer=_ISSUER), b"\0" * 32) is None
    assert SOURCE.new_secret(_connection(unsigned="true"), b"\0" * 32) is None


def test_a_sample_is_unsigned_where_that_is_agreed() -> None:
    connection = _connection(unsigned="true")
    call = SOURCE.sample(connection, NOON, "acme")
    assert call is not None

    assert "x-keycloak-signature" not in call.headers
    assert run(SOURCE.verify(call, connection, NoKeys(), NOON)) == call.body
