"""What each kind of connection must have, and how callers are answered beside status and body."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.connection import Connection
from dispatcher.errors import IssuerUnavailable, MalformedEvent, StoreUnavailable, UntrustedEvent
from dispatcher.sources import discover, subjects
from dispatcher.sources.hook import Call

_PAGES: Final = Path(__file__).parents[3] / "docs" / "connect"
_SECRET: Final = "a-secret-of-thirty-two-characters"
_WEBHOOK: Final = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
_ISSUER: Final = {"issuer": "https://idp.acme.example"}

_SOUND: Final = [
    Connection("iam", "auth0", secrets=(_SECRET,)),
    Connection("iam", "fusionauth", secrets=(_SECRET,)),
    Connection("iam", "fusionauth", options={"jwks_url": "https://fusion.example/jwks"}),
    Connection("iam", "okta", secrets=(_SECRET,)),
    Connection("iam", "okta", secrets=(_SECRET,), options={"resets": "ignore"}),
    Connection("iam", "ssf", options=_ISSUER),
    Connection("iam", "ssf", secrets=(_SECRET,), options=_ISSUER),
    Connection("iam", "ssf", options={**_ISSUER, "changes": "update,delete"}),
    Connection("iam", "standard-webhooks", secrets=(_WEBHOOK,)),
    Connection("iam", "standard-webhooks", secrets=(f"whpk_{'A' * 43}=", _WEBHOOK)),
    Connection("iam", "supabase", secrets=(f"v1,{_WEBHOOK}",)),
    Connection("iam", "supabase", secrets=(f"v1,{_WEBHOOK}|v1,{_WEBHOOK}",)),
    Connection("iam", "supabase", secrets=(f"v1,{_WEBHOOK}",), options={"others": "ignore"}),
    Connection("iam", "token", secrets=(_SECRET,)),
]
_WRONG: Final[Mapping[str, tuple[Connection, str]]] = {
    "auth0 without a secret": (Connection("iam", "auth0"), "a secret is required"),
    "fusionauth without a proof": (Connection("iam", "fusionauth"), "a secret (of an HMAC key)"),
    "okta without a secret": (Connection("iam", "okta"), "a secret is required"),
    "okta with an unknown wish": (
        Connection("iam", "okta", secrets=(_SECRET,), options={"resets": "mail"}),
        "the option resets can only be ignore",
    ),
    "ssf without an issuer": (Connection("iam", "ssf"), "the option issuer is required"),
    "ssf with an unknown change": (
        Connection("iam", "ssf", options={**_ISSUER, "changes": "update,rename"}),
        "the option changes must be of create, delete, revoke, update",
    ),
    "standard-webhooks with half a public key": (
        Connection("iam", "standard-webhooks", secrets=(f"whpk_{'A' * 22}==",)),
        "a secret must be whsec_",
    ),
    "standard-webhooks with a short secret": (
        Connection("iam", "standard-webhooks", secrets=("whsec_AAAA",)),
        "a secret must be whsec_",
    ),
    "supabase with a secret of another form": (
        Connection("iam", "supabase", secrets=(_SECRET,)),
        "a secret must be v1,whsec_",
    ),
    "supabase with an unknown wish": (
        Connection("iam", "supabase", secrets=(f"v1,{_WEBHOOK}",), options={"others": "send"}),
        "the option others must be refuse or ignore",
    ),
    "token without a secret": (Connection("iam", "token"), "a secret is required"),
}


@pytest.mark.parametrize("connection", _SOUND, ids=lambda each: each.kind)
def test_a_sound_connection_has_no_mistakes(connection: Connection) -> None:
    assert not discover()[connection.kind].mistakes(connection)


@pytest.mark.parametrize("case", _WRONG)
def test_a_mistake_is_named(case: str) -> None:
    connection, expected = _WRONG[case]
    (mistake,) = discover()[connection.kind].mistakes(connection)
    assert mistake.startswith(expected)


@pytest.mark.parametrize("kind", ["auth0", "fusionauth", "okta", "supabase", "token"])
def test_a_secret_that_is_made_is_a_sound_one(kind: str) -> None:
    source, empty = discover()[kind], Connection("iam", kind)
    secret = source.new_secret(empty, bytes(range(32)))
    assert secret
    assert not source.mistakes(replace(empty, secrets=(secret,)))


def test_no_secret_is_made_where_public_keys_prove_calls() -> None:
    sources, octets = discover(), bytes(range(32))
    assert sources["ssf"].new_secret(Connection("iam", "ssf", options=_ISSUER), octets) is None
    keys = Connection("iam", "fusionauth", options={"jwks_url": "https://fusion.example/jwks"})
    assert sources["fusionauth"].new_secret(keys, octets) is None


@pytest.mark.parametrize("kind", ["standard-webhooks", "token"])
def test_consent_to_being_called_names_the_origin_and_the_method(kind: str) -> None:
    call = Call(b"", {"webhook-request-origin": "events.example.org"}, "OPTIONS")
    reply = discover()[kind].greet(call, Connection("iam", kind))
    assert reply is not None
    assert reply.headers == {
        "allow": "POST",
        "webhook-allowed-origin": "events.example.org",
        "webhook-allowed-rate": "*",
    }


@pytest.mark.parametrize("origin", ["", "events.example.org\r\nx: y", "b\u00fccher.example"])
def test_an_origin_that_is_none_gets_no_consent(origin: str) -> None:
    call = Call(b"", {"webhook-request-origin": origin}, "OPTIONS")
    assert discover()["token"].greet(call, Connection("iam", "token")) is None
    posted = replace(call, headers={"webhook-request-origin": "a.example"}, method="POST")
    assert discover()["token"].greet(posted, Connection("iam", "token")) is None


def test_a_transmitter_is_told_what_is_wrong_by_a_code_and_in_english() -> None:
    ssf = discover()["ssf"]
    reply = ssf.refused(UntrustedEvent("not proven"))
    assert (reply.status, reply.headers) == (400, {"content-language": "en"})
    assert reply.body == {"err": "authentication_failed", "description": "not proven"}
    assert ssf.refused(MalformedEvent("no")).body == {"err": "invalid_request", "description": "no"}


@pytest.mark.parametrize("kind", discover())
def test_every_kind_has_a_page_that_names_it_and_its_options(kind: str) -> None:
    page = (_PAGES / f"{kind}.md").read_text(encoding="utf-8")
    assert f"`{kind}`" in page or f"--kind {kind}" in page
    linked = [_PAGES / name for name in re.findall(r"\]\(([a-z0-9-]+\.md)", page)]
    known = page + "".join(each.read_text(encoding="utf-8") for each in linked if each.exists())
    assert [option for option in discover()[kind].options if option not in known] == []


@pytest.mark.parametrize("kind", discover())
@pytest.mark.parametrize("error", [StoreUnavailable("away"), IssuerUnavailable("away")])
def test_every_caller_is_asked_to_come_again_while_we_cannot_take_it(
    kind: str, error: StoreUnavailable | IssuerUnavailable
) -> None:
    reply = discover()[kind].refused(error)
    assert reply.status == 503
    assert int(reply.headers["retry-after"]) > 0


_JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda each: (
        st.lists(each, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "format",
                    "subject_type",
                    "id",
                    "sub",
                    "iss",
                    "email",
                    "user",
                    "tenant",
                    "identifiers",
                ]
            ),
            each | st.sampled_from(["aliases", "complex", "email", "iss_sub", "opaque"]),
            max_size=5,
        )
    ),
    max_leaves=20,
)


@given(_JSON)
def test_whatever_a_subject_identifier_is_it_names_somebody_or_nobody(identifier: object) -> None:
    found = subjects.read(identifier)
    assert all(isinstance(text, str) for text in (found.id, found.email, found.tenant))


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
def test_a_user_is_never_taken_from_the_tenant(user: str, tenant: str) -> None:
    identifier = {"user": {"format": "opaque", "id": user}, "tenant": {"id": tenant}}
    clean = user.encode(errors="replace").decode()
    assert subjects.read(identifier).id in {clean, clean.removeprefix("acct:")}
