"""An issuer's access tokens, against a real issuer that publishes keys over HTTP."""

import asyncio
import json
import logging
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

from dispatcher.access import Caller, Role
from dispatcher.adapters.oidc.claims import ClaimsMap
from dispatcher.adapters.oidc.issuer import OidcIssuer
from dispatcher.adapters.oidc.opening import open_issuer
from dispatcher.errors import ConfigError, IssuerUnavailable, Unauthenticated
from tests.builders import NOON, StandingClock
from tests.integration.oidc.issuer_server import (
    DISCOVERY,
    KEYS,
    IssuerServer,
    jwk,
    part,
    running_issuer,
    sign,
)

RSA = RSAKey.generate_key(2048)
OTHER_RSA = RSAKey.generate_key(2048)
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    SMALL_RSA = RSAKey.generate_key(1024)
P256, P384 = ECKey.generate_key("P-256"), ECKey.generate_key("P-384")
ED25519 = OKPKey.generate_key("Ed25519")

NOW = int(NOON.timestamp()) + 1
ROLES, ORG = "urn:zitadel:iam:org:project:roles", "urn:zitadel:iam:user:resourceowner:id"
HEADER = {"alg": "RS256", "kid": "k1", "typ": "at+jwt"}


@pytest.fixture
def server() -> Iterator[IssuerServer]:
    with running_issuer() as running:
        running.publish(jwk(RSA, kid="k1"))
        yield running


@dataclass
class Side:
    """Our side: an issuer that is open, and a clock."""

    server: IssuerServer
    clock: StandingClock = field(default_factory=StandingClock)
    told: list[IssuerUnavailable | None] = field(default_factory=list)
    claims_map: ClaimsMap = field(default_factory=lambda: ClaimsMap(ROLES, ORG))

    def claims(self, **changes: Any) -> dict[str, Any]:
        usual = {
            "iss": self.server.url,
            "aud": ["other", "dispatcher"],
            "sub": "u-1",
            "iat": NOW - 10,
            "exp": NOW + 300,
            ORG: "acme",
            ROLES: {"ORG_OWNER": {"acme": "acme.example"}},
        }
        return {name: value for name, value in (usual | changes).items() if value is not None}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OidcIssuer]:
        async with open_issuer(
            self.server.url, "dispatcher", self.claims_map, self.clock, self.told.append
        ) as issuer:
            yield issuer

    def present(self, *tokens: str) -> Caller:
        """Return whom the last token is of."""

        async def presented() -> Caller:
            async with self.open() as issuer:
                for token in tokens[:-1]:
                    await issuer.authenticate(token)
                return await issuer.authenticate(tokens[-1])

        return asyncio.run(presented())

    def run(self, story: Callable[[OidcIssuer], Awaitable[None]]) -> None:
        async def told() -> None:
            async with self.open() as issuer:
                await story(issuer)

        asyncio.run(told())


@pytest.fixture
def side(server: IssuerServer) -> Side:
    return Side(server)


def test_an_access_token_is_its_users(side: Side) -> None:
    caller = side.present(sign(HEADER, side.claims(), RSA))
    assert caller == Caller("subject:u-1", "acme", frozenset({Role.ORG_OWNER}))


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSA),
        ("RS512", RSA),
        ("PS256", RSA),
        ("ES256", P256),
        ("ES384", P384),
        ("EdDSA", ED25519),
        ("Ed25519", ED25519),
    ],
)
def test_every_asymmetric_signature_is_taken(
    server: IssuerServer, side: Side, algorithm: str, key: RSAKey | ECKey | OKPKey
) -> None:
    server.publish(jwk(OTHER_RSA, kid="k0"), jwk(key, kid="k1", use="sig"))
    token = sign({**HEADER, "alg": algorithm}, side.claims(), key, algorithm)
    assert side.present(token).org_id == "acme"


@pytest.mark.parametrize("kind", ["at+jwt", "AT+JWT", "application/at+jwt", "JWT", None])
def test_access_tokens_from_before_and_after_rfc_9068_are_taken(
    side: Side, kind: str | None
) -> None:
    header = {name: value for name, value in {**HEADER, "typ": kind}.items() if value}
    assert side.present(sign(header, side.claims(), RSA)).org_id == "acme"


def test_a_token_without_a_key_id_is_tried_with_every_fitting_key(
    server: IssuerServer, side: Side
) -> None:
    server.publish(jwk(OTHER_RSA, kid="k0"), jwk(P256, kid="k1"), jwk(RSA, kid="k2"))
    assert side.present(sign({"alg": "RS256"}, side.claims(), RSA)).org_id == "acme"


def test_clocks_may_differ_by_a_minute(side: Side) -> None:
    side.present(sign(HEADER, side.claims(exp=NOW - 59), RSA))
    side.present(sign(HEADER, side.claims(nbf=NOW + 59, iat=NOW + 59), RSA))


Forge = Callable[[Side], str]


def forged(header: dict[str, Any], key: Any = RSA, algorithm: str = "RS256") -> Forge:
    return lambda side: sign({**HEADER, **header}, side.claims(), key, algorithm)


def claiming(header: dict[str, Any] = HEADER, **changes: Any) -> Forge:
    return lambda side: sign(header, side.claims(**changes), RSA)


FORGERIES: dict[str, Forge] = {
    "no algorithm": lambda side: f"{part({**HEADER, 'alg': 'none'})}.{part(side.claims())}.",
    "no algorithm, some signature": forged({"alg": "none"}),
    "no algorithm in capitals": forged({"alg": "nOnE"}),
    "an algorithm that is no name": forged({"alg": ["RS256"]}),
    "the public key as a secret": forged({"alg": "HS256"}, json.dumps(jwk(RSA, kid="k1")).encode()),
    "a public key's PEM as a secret": forged({"alg": "HS256"}, RSA.as_pem(private=False)),
    "another's key": forged({}, OTHER_RSA),
    "another algorithm than said": forged({"alg": "PS256"}),
    "the key itself in the header": forged({"jwk": jwk(OTHER_RSA, kid="k1")}, OTHER_RSA),
    "a place for keys in the header": forged(
        {"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/c"}, OTHER_RSA
    ),
    "a key id that climbs": forged({"kid": "../../../../dev/null"}, OTHER_RSA),
    "a key id for a database": forged({"kid": "k1' OR '1'='1"}, OTHER_RSA),
    "a key id that is no text": forged({"kid": {"k1": 1}}),
    "an empty key id": forged({"kid": ""}),
    "a huge key id": forged({"kid": "k" * 5000}),
    "something critical": forged({"crit": ["exp"], "exp": 1}),
    "an empty list of what is critical": forged({"crit": []}),
    "a payload that is not encoded": forged({"b64": False, "crit": ["b64"]}),
    "a logout token": forged({"typ": "logout+jwt"}),
    "a DPoP proof": forged({"typ": "dpop+jwt"}),
    "a type that is no text": forged({"typ": 1}),
    "an ID token by its nonce": claiming({**HEADER, "typ": "JWT"}, nonce="n"),
    "an ID token by its hash": claiming({"alg": "RS256", "kid": "k1"}, at_hash="h"),
    "an ID token by Keycloak's word": claiming({**HEADER, "typ": "JWT"}, typ="ID"),
    "a refresh token by Keycloak's word": claiming({**HEADER, "typ": "JWT"}, typ="Refresh"),
    "bound to a key": claiming(cnf={"jkt": "x"}),
    "another issuer": claiming(iss="https://evil.example"),
    "no issuer": claiming(iss=None),
    "the issuer with a slash": lambda side: sign(
        HEADER, side.claims(iss=f"{side.server.url}/"), RSA
    ),
    "another audience": claiming(aud="other"),
    "no audience": claiming(aud=None),
    "an audience that begins like ours": claiming(aud="dispatcher-2"),
    "an audience with ours inside": claiming(aud=[["dispatcher"], {"dispatcher": 1}]),
    "expired": claiming(exp=NOW - 60),
    "never to expire": claiming(exp=None),
    "to expire in words": claiming(exp="2099"),
    "to expire truly": claiming(exp=True),
    "not yet valid": claiming(nbf=NOW + 61),
    "made in the future": claiming(iat=NOW + 61),
    "made too far off to count": claiming(iat=10**400),
    "nobody's": claiming(sub=None),
    "an empty subject": claiming(sub=""),
    "a subject that is no text": claiming(sub=["u-1"]),
    "a subject of two lines": claiming(sub="u-1\nadmin"),
    "a huge subject": claiming(sub="u" * 256),
    "twice the same claim": lambda side: sign(
        HEADER, json.dumps(side.claims()).replace("{", '{"sub":"admin",', 1).encode(), RSA
    ),
    "twice the same header": lambda side: sign(
        b'{"alg":"none","alg":"RS256","kid":"k1"}', side.claims(), RSA
    ),
    "not a number": lambda side: sign(
        HEADER, json.dumps(side.claims(exp=float("nan"))).encode(), RSA
    ),
    "for ever": lambda side: sign(HEADER, json.dumps(side.claims(exp=float("inf"))).encode(), RSA),
    "claims that are no object": lambda _: sign(HEADER, ["iss"], RSA),
    "claims that are no JSON": lambda _: sign(HEADER, b"{", RSA),
    "a header that is no object": lambda side: sign(["RS256"], side.claims(), RSA),
    "a header that is deep": lambda side: sign(b"[" * 50_000, side.claims(), RSA),
    "claims that are deep": lambda _: sign(HEADER, b'{"a":' * 50_000, RSA),
    "changed claims": lambda side: ".".join(
        (
            part(HEADER),
            part(side.claims(sub="admin")),
            sign(HEADER, side.claims(), RSA).split(".")[2],
        )
    ),
    "no signature": lambda side: sign(HEADER, side.claims(), RSA).rpartition(".")[0] + ".",
    "a short signature": lambda side: sign(HEADER, side.claims(), RSA)[:-8],
    "an impossible signature": lambda side: (
        sign(HEADER, side.claims(), RSA).rpartition(".")[0] + ".a"
    ),
    "encrypted": lambda _: f"{part({'alg': 'RSA-OAEP', 'enc': 'A256GCM'})}.YQ.YQ.YQ.YQ",
    "two parts": lambda side: sign(HEADER, side.claims(), RSA).rpartition(".")[0],
    "nothing": lambda _: "..",
}


@pytest.mark.parametrize("forgery", FORGERIES.values(), ids=FORGERIES)
def test_a_forgery_opens_nothing_and_all_forgeries_look_alike(side: Side, forgery: Forge) -> None:
    with pytest.raises(Unauthenticated) as refused:
        side.present(sign(HEADER, side.claims(), RSA), forgery(side))
    assert (str(refused.value), refused.value.id) == ("Errors.Token.Invalid", "AUTH-7fs1e")
    assert set(side.server.asked) <= {DISCOVERY, KEYS}


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        (jwk(SMALL_RSA, kid="k1"), ("RS256", SMALL_RSA)),
        (jwk(P384, kid="k1"), ("ES256", P256)),
        (jwk(P256, kid="k1", use="enc"), ("ES256", P256)),
        (jwk(P256, kid="k1", key_ops=["sign"]), ("ES256", P256)),
        (jwk(RSA, kid="k1", alg="PS256"), ("RS256", RSA)),
        (jwk(RSA, kid="k1", alg="HS256"), ("RS256", RSA)),
        ({"kty": "oct", "k": "c2VjcmV0", "kid": "k1"}, ("HS256", b"secret")),
    ],
    ids=["small", "wrong curve", "for encryption", "to sign", "other", "symmetric", "a secret"],
)
def test_a_key_verifies_only_what_it_is_fit_for(
    server: IssuerServer, side: Side, key: dict[str, Any], algorithm: tuple[str, Any]
) -> None:
    server.publish(jwk(OTHER_RSA, kid="k0"), key)
    name, signing = algorithm
    with pytest.raises(Unauthenticated):
        side.present(sign({**HEADER, "alg": name}, side.claims(), signing, name))


def test_keys_that_nobody_can_read_do_not_hide_the_others(server: IssuerServer, side: Side) -> None:
    broken: list[Any] = [
        {"kty": "AKP", "kid": "k1"},
        {"kty": "RSA", "n": "!", "e": "AQAB"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        {"kty": "EC", "crv": "P-999", "x": "AA", "y": "AA"},
        {"kty": ["RSA"]},
        {**jwk(P256), "kid": 7},
        {**jwk(P256), "key_ops": 7},
        {**jwk(RSA), "alg": []},
        "RSA",
        None,
    ]
    server.publish(*broken, jwk(RSA, kid="k1"))
    assert side.present(sign(HEADER, side.claims(), RSA)).org_id == "acme"


def test_keys_are_fetched_once_for_many_callers(side: Side) -> None:
    async def story(issuer: OidcIssuer) -> None:
        token = sign(HEADER, side.claims(), RSA)
        await asyncio.gather(*(issuer.authenticate(token) for _ in range(20)))

    side.run(story)
    assert side.server.asked == [DISCOVERY, KEYS]


def test_a_new_key_is_found_and_unknown_ids_do_not_make_us_ask_each_time(
    server: IssuerServer, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(issuer: OidcIssuer) -> None:
        await issuer.authenticate(sign(HEADER, side.claims(), RSA))
        server.publish(jwk(OTHER_RSA, kid="k2"))
        rotated = sign({**HEADER, "kid": "k2"}, side.claims(), OTHER_RSA)
        for _ in range(5):
            with pytest.raises(Unauthenticated):
                await issuer.authenticate(rotated)
        assert len(server.asked) == 2
        later(monkeypatch, issuer, 10)
        assert (await issuer.authenticate(rotated)).org_id == "acme"
        with pytest.raises(Unauthenticated):
            await issuer.authenticate(sign(HEADER, side.claims(), RSA))
        assert len(server.asked) == 4

    side.run(story)


def later(monkeypatch: pytest.MonkeyPatch, issuer: OidcIssuer, seconds: float) -> None:
    """Let so many seconds pass for the keys."""
    now = issuer._keys._now
    monkeypatch.setattr(issuer._keys, "_now", lambda: now() + seconds)


def test_known_keys_do_while_the_issuer_is_away(
    server: IssuerServer, side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(issuer: OidcIssuer) -> None:
        token = sign(HEADER, side.claims(), RSA)
        await issuer.authenticate(token)
        server.status = 500
        later(monkeypatch, issuer, 1_000)
        assert (await issuer.authenticate(token)).org_id == "acme"
        with pytest.raises(IssuerUnavailable):
            await issuer.authenticate(sign({**HEADER, "kid": "k2"}, side.claims(), RSA))
        assert (await issuer.authenticate(token)).org_id == "acme"
        server.status = 200
        later(monkeypatch, issuer, 1_010)
        with pytest.raises(Unauthenticated):
            await issuer.authenticate(sign({**HEADER, "kid": "k2"}, side.claims(), RSA))

    side.run(story)
    assert [fault is None for fault in side.told] == [False, True]


def test_an_issuer_that_does_not_answer_is_waited_for_only_so_long_and_asked_in_vain_once(
    server: IssuerServer, side: Side
) -> None:
    server.gate.clear()

    async def story(issuer: OidcIssuer) -> None:
        token = sign(HEADER, side.claims(), RSA)
        async with asyncio.timeout(2):
            with pytest.raises(IssuerUnavailable):
                await issuer.authenticate(token)
        assert server.asked == [DISCOVERY]
        server.gate.set()
        async with asyncio.timeout(10):
            while True:
                try:
                    assert (await issuer.authenticate(token)).org_id == "acme"
                except IssuerUnavailable:
                    continue
                break

    side.run(story)


def an_away(server: IssuerServer) -> None:
    server.url = "http://127.0.0.1:1"


def a_redirect(server: IssuerServer) -> None:
    server.status, server.headers = 302, {"location": f"{server.url}/elsewhere"}


def publishing(path: str, document: Any) -> Callable[[IssuerServer], None]:
    return lambda server: server.documents.update({path: document})


FAULTS: dict[str, Callable[[IssuerServer], None]] = {
    "away": an_away,
    "missing": lambda server: server.documents.clear(),
    "a redirect": a_redirect,
    "another issuer's": lambda server: server.publish(jwk(RSA), issuer="https://evil.example"),
    "keys in clear text": lambda server: server.publish(
        jwk(RSA), jwks_uri="http://keys.example/keys"
    ),
    "keys in a file": lambda server: server.publish(jwk(RSA), jwks_uri="file:///etc/passwd"),
    "keys nowhere": lambda server: server.publish(jwk(RSA), jwks_uri=None),
    "keys at no place": lambda server: server.publish(jwk(RSA), jwks_uri="https://[::1"),
    "no JSON": publishing(DISCOVERY, b"<html>"),
    "no object": publishing(DISCOVERY, []),
    "no keys": publishing(KEYS, {}),
    "keys of no kind": publishing(KEYS, {"keys": {"k1": 1}}),
    "no key for us": publishing(KEYS, {"keys": [{"kty": "oct", "k": "AA"}]}),
    "too large": publishing(KEYS, b" " * 300_000 + b"{}"),
    "too deep": publishing(KEYS, b"[" * 100_000),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_while_nothing_is_known_of_the_keys_nobody_is_called_an_impostor(
    server: IssuerServer, side: Side, fault: Callable[[IssuerServer], None]
) -> None:
    fault(server)
    with pytest.raises(IssuerUnavailable):
        side.present(sign(HEADER, side.claims(), RSA))
    assert "/elsewhere" not in server.asked


def test_nothing_of_a_token_is_in_errors_or_logs(
    side: Side, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = sign(HEADER, side.claims(sub="ada-1815", exp=0), RSA)
    with pytest.raises(Unauthenticated) as refused:
        side.present(token)
    told = f"{refused.value!r} {refused.value.__cause__!r} {caplog.text}"
    assert not any(secret in told for secret in ("ada-1815", "acme", *token.split(".")))


@pytest.mark.parametrize(
    ("issuer", "audience", "mistake"),
    [
        ("http://login.acme.example", "dispatcher", "OIDC_ISSUER: expected an https URL"),
        ("https://", "dispatcher", "OIDC_ISSUER: expected an https URL"),
        ("https://login.acme.example", "", "OIDC_AUDIENCE: is required"),
    ],
)
def test_settings_that_would_let_others_in_are_refused(
    issuer: str, audience: str, mistake: str
) -> None:
    async def opened() -> None:
        async with open_issuer(issuer, audience, ClaimsMap(ROLES, ORG), StandingClock()):
            pass

    with pytest.raises(ConfigError, match=mistake):
        asyncio.run(opened())
