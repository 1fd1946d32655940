"""``dispatcher api`` with an OIDC issuer and rate limits, as its callers meet it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from joserfc.jwk import ECKey

from tests.acceptance.system import dispatcher
from tests.acceptance.test_api import POLICY, Api, api, token
from tests.integration.oidc.issuer_server import IssuerServer, jwk, running_issuer, sign

KEY, STRANGERS = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")


@dataclass(frozen=True, slots=True)
class Guarded:
    """A running API, and the issuer that it trusts."""

    api: Api
    issuer: IssuerServer

    def get(self, bearer: str) -> httpx.Response:
        headers = {"authorization": f"Bearer {bearer}"}
        return httpx.get(f"{self.api.url}{POLICY}", headers=headers, trust_env=False)

    def access_token(self, key: ECKey = KEY, *, kid: str = "k1", roles: str = "owner") -> str:
        claims = {
            "iss": self.issuer.url,
            "aud": "dispatcher",
            "sub": "u-1",
            "exp": time.time() + 300,
            "org": {"id": "acme"},
            "realm_access": {"roles": [roles]},
        }
        return sign({"alg": "ES256", "kid": kid, "typ": "at+jwt"}, claims, key, "ES256")


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with running_issuer() as issuer:
        issuer.publish(jwk(KEY, kid="k1"))
        settings = {
            "oidc_issuer": issuer.url,
            "oidc_audience": "dispatcher",
            "oidc_roles_claim": "realm_access.roles",
            "oidc_org_claim": "org.id",
            "oidc_role_map": "owner=ORG_OWNER",
            "rate_limit_token": "20/hour",
            "rate_limit_address": "",
        }
        with api(tmp_path_factory.mktemp("guarded") / "var", **settings) as running:
            yield Guarded(running, issuer)


def test_an_issuers_access_token_opens_what_its_roles_permit(guarded: Guarded) -> None:
    assert guarded.get(guarded.access_token()).status_code in {200, 404}
    forbidden = guarded.get(guarded.access_token(roles="nobody"))
    assert (forbidden.status_code, forbidden.json()["code"]) == (404, 5)
    assert "AUTHZ-cdgFk" in forbidden.text
    forged = guarded.get(guarded.access_token(STRANGERS))
    assert forged.status_code == 401
    assert forged.json()["message"] == "Errors.Token.Invalid (AUTH-7fs1e)"
    assert "www-authenticate" in forged.headers


def test_a_token_of_an_unknown_key_waits_for_an_issuer_that_is_away(guarded: Guarded) -> None:
    guarded.get(guarded.access_token())
    guarded.issuer.status = 500
    try:
        deadline = time.monotonic() + 30
        while guarded.get(guarded.access_token(kid="k2")).status_code != 503:
            assert time.monotonic() < deadline, "the API asks the issuer again"
        away = guarded.get(guarded.access_token(kid="k2"))
        assert (away.status_code, away.json()["code"]) == (503, 14)
        assert int(away.headers["retry-after"]) >= 1
        assert guarded.get(guarded.access_token()).status_code != 401
    finally:
        guarded.issuer.status = 200


def test_a_revocation_on_the_command_line_counts_from_the_next_call_on(guarded: Guarded) -> None:
    bearer = token(guarded.api.env, "--org", "acme", "--role", "ORG_OWNER")
    assert guarded.get(bearer).status_code in {200, 404}
    revoked = dispatcher("token", "revoke", bearer.split("_")[1], env=guarded.api.env)
    assert revoked.returncode == 0
    assert guarded.get(bearer).status_code == 401


def test_a_caller_that_asks_too_often_is_told_when_to_come_again(guarded: Guarded) -> None:
    bearer = token(guarded.api.env, "--org", "globex", "--role", "ORG_OWNER")
    answers = [guarded.get(bearer) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} <= {200, 404}
    refused = answers[20]
    assert (refused.status_code, refused.json()["code"]) == (429, 8)
    assert 1 <= int(refused.headers["retry-after"]) <= 3600
