"""What an access token's claims mean here."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.access import Caller, Role
from dispatcher.adapters.oidc.claims import ClaimsMap, parse_role_map
from dispatcher.errors import ConfigError

OWNER = frozenset({Role.ORG_OWNER})
NOBODY: frozenset[Role] = frozenset()


def caller(
    claims: dict[str, Any], *, roles: str = "roles", org: str = "org", role_map: str = ""
) -> Caller:
    found = ClaimsMap(roles, org, parse_role_map(role_map)).caller({"sub": "u-1", **claims})
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ("ORG_OWNER", OWNER),
        (["ORG_OWNER", "viewer", 7, None, []], OWNER),
        ({"ORG_OWNER": {"acme": "acme.example"}}, OWNER),
        ({"ORG_OWNER": {"globex": "g.example"}}, NOBODY),
        ({"ORG_OWNER": {"globex": "g.example", "acme": "acme.example"}}, OWNER),
        ({"ORG_OWNER": {}}, NOBODY),
        ({"ORG_OWNER": True}, OWNER),
        ({"IAM_OWNER": {"globex": "g.example"}}, NOBODY),
        (None, NOBODY),
        (7, NOBODY),
        ("org_owner", NOBODY),
    ],
)
def test_roles_are_read_in_every_shape_that_issuers_write(
    roles: object, expected: frozenset[Role]
) -> None:
    assert caller({"roles": roles, "org": "acme"}).roles == expected


def test_claims_are_found_by_name_and_by_path() -> None:
    keycloak = {"realm_access": {"roles": ["ORG_OWNER"]}, "organization": ["acme"]}
    assert caller(keycloak, roles="realm_access.roles", org="organization") == Caller(
        "subject:u-1", "acme", OWNER
    )
    auth0 = {"https://acme.example/roles": ["ORG_OWNER"], "app": {"org": {"id": "acme"}}}
    assert caller(auth0, roles="https://acme.example/roles", org="app.org.id").roles == OWNER
    assert caller({"app": "x"}, roles="app.roles", org="app.org").roles == NOBODY


@pytest.mark.parametrize("org", [None, 7, "", "a b", "x" * 65, ["acme", "globex"], {"acme": 1}])
def test_without_one_proper_organization_there_is_none(org: object) -> None:
    assert caller({"org": org}).org_id == ""


def test_a_map_names_what_counts_and_nothing_else_does() -> None:
    mapped = {"role_map": "notify admin = ORG_OWNER, a=b=IAM_OWNER"}
    assert caller({"roles": ["notify admin"]}, **mapped).roles == OWNER
    assert caller({"roles": ["a=b"]}, **mapped).roles == {Role.IAM_OWNER}
    assert caller({"roles": ["ORG_OWNER", "IAM_OWNER"]}, **mapped).roles == NOBODY


@pytest.mark.parametrize("text", ["x", "x=KING", "=ORG_OWNER", "x=ORG_OWNER,", "x=ORG_OWNER;y"])
def test_a_map_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="OIDC_ROLE_MAP"):
        parse_role_map(text)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from(list(Role)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(_JSON, _JSON, _JSON)
def test_no_claim_breaks_the_reading(sub: object, roles: object, org: object) -> None:
    claims = {"sub": sub, "roles": roles, "org": org}
    found = ClaimsMap("roles", "org").caller(claims)
    assert found is None or found.id == f"subject:{sub}"
    ClaimsMap("roles.x", "org.y").caller(claims)
