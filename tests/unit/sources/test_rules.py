"""What a connection must keep to: every mistake is named, and what is right is not minded."""

from dataclasses import replace

import pytest

from dispatcher.connection import Connection
from dispatcher.sources.rules import MOST_SECRETS, mistakes

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
RIGHT = Connection(
    "svix-2", "standard-webhooks", organizations=frozenset({"acme"}), secrets=(SECRET,)
)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"name": "a"},
        {"name": "a" * 40},
        {"organizations": frozenset({"*"})},
        {"organizations": frozenset(), "tenants": {"https://login.example/naïve tenant": "acme"}},
        {"organizations": frozenset(), "organization": "acme"},
        {"secrets": (SECRET,) * MOST_SECRETS},
    ],
)
def test_what_is_right_is_not_minded(fields: dict[str, object]) -> None:
    assert list(mistakes(replace(RIGHT, **fields))) == []  # type: ignore[arg-type] # of each type


@pytest.mark.parametrize(
    ("fields", "mistake"),
    [
        ({"name": ""}, "the name"),
        ({"name": "a" * 41}, "the name"),
        ({"name": "-a"}, "the name"),
        ({"name": "a/b"}, "the name"),
        ({"name": "Ä"}, "the name"),
        ({"kind": "nonsense"}, "the kind: expected one of auth0"),
        ({"organizations": frozenset({"ac me"})}, "organization 'ac me'"),
        ({"tenants": {"": "acme"}}, "a tenant's name"),
        ({"tenants": {"a\n": "acme"}}, "a tenant's name"),
        ({"tenants": {"a" * 257: "acme"}}, "a tenant's name"),
        ({"tenants": {"a": "*"}}, "tenant 'a'"),
        ({"organization": "*"}, "events without a tenant"),
        ({"organizations": frozenset()}, "speak for nobody"),
        ({"options": {"x": "1"}}, "option 'x': standard-webhooks has no such option, it has none"),
        ({"secrets": ()}, "a secret is required"),
        ({"secrets": (SECRET, "")}, "one is empty"),
        ({"secrets": (SECRET,) * (MOST_SECRETS + 1)}, "5 at most"),
    ],
)
def test_a_mistake_is_named(fields: dict[str, object], mistake: str) -> None:
    assert mistake in "\n".join(mistakes(replace(RIGHT, **fields)))  # type: ignore[arg-type] # as above


def test_an_unknown_option_is_answered_with_those_that_there_are() -> None:
    wrong = replace(RIGHT, kind="keycloak", options={"hmca": "sha1"})
    assert "it knows amqp_url, audience" in "\n".join(mistakes(wrong))


def test_all_mistakes_are_named_at_once() -> None:
    wrong = Connection("A", "keycloak", options={"x": "1"})
    assert len(mistakes(wrong)) == 4
