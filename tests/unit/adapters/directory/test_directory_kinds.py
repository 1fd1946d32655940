"""How a directory may be set."""

from dataclasses import replace

import pytest

from dispatcher.adapters.directory.kinds import KINDS, mistakes
from dispatcher.connection import DirectoryAccess

_GOOD = {
    kind: DirectoryAccess(kind, "https://iam.example/base", "a-token", options)
    for kind, options in {
        "zitadel": {},
        "keycloak": {"client_id": "dispatcher", "realm": "acme"},
        "okta": {"scheme": "Bearer", "cache": "0"},
        "scim": {"match": "userName", "cache": "300", "unverified": "skip"},
    }.items()
}


def test_every_kind_can_be_set() -> None:
    assert _GOOD.keys() == KINDS.keys()
    assert {kind: list(mistakes(access)) for kind, access in _GOOD.items()} == {
        kind: [] for kind in KINDS
    }


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("zitadel", {"kind": "ldap"}, "expected one of zitadel"),
        ("zitadel", {"url": "http://iam.example"}, "expected https"),
        ("zitadel", {"url": "https://me:secret@iam.example"}, "no user"),
        ("zitadel", {"url": "https://iam.example/?a=b"}, "no query"),
        ("zitadel", {"url": "https://[iam"}, "expected https"),
        ("zitadel", {"secret": ""}, "a secret is required"),
        ("zitadel", {"secret": "two\nlines"}, "a secret is required"),
        ("zitadel", {"options": {"client_id": "x"}}, "option 'client_id'"),
        ("zitadel", {"options": {"cache": "301"}}, "0-300"),
        ("zitadel", {"options": {"cache": "1.5"}}, "0-300"),
        ("zitadel", {"options": {"unverified": "yes"}}, "send or skip"),
        ("keycloak", {"options": {}}, "client_id is required"),
        ("okta", {"options": {"scheme": "Basic"}}, "SSWS or Bearer"),
        ("scim", {"options": {"match": "emails"}}, "must be one of id"),
    ],
)
def test_what_cannot_work_is_named(kind: str, fields: dict[str, object], expected: str) -> None:
    wrong = replace(_GOOD[kind], **fields)  # type: ignore[arg-type] # a case says which
    (mistake,) = mistakes(wrong)
    assert expected in mistake
