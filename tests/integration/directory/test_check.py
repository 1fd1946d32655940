"""What ``dispatcher connection test`` finds out about a directory."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from dispatcher.cli.checks.directory import check_directory, masked
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.connection import Connection
from tests.integration.directory.office import Office, Person, opened
from tests.integration.directory.world import KINDS, a_connection


def found(kind: str, user: str = "", *people: Person, **fields: Any) -> list[Finding]:
    async def checked() -> list[Finding]:
        async with opened(Office(kind)) as office:
            office.has(*people)
            return await check_directory(a_connection(office, **fields), user)

    return asyncio.run(checked())


@pytest.mark.parametrize("kind", KINDS)
def test_a_user_is_shown_without_the_address_in_full(kind: str) -> None:
    let_in, user = found(kind, "u-1", Person())
    assert (let_in.health, user.health) == (Health.OK, Health.OK)
    assert user.found == "a…@example.org; Ada Lovelace, language de"


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_user_it_is_seen_that_it_answers(kind: str) -> None:
    (finding,) = found(kind)
    assert finding.health is Health.OK
    assert "--user ID" in finding.found


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_secret_fails_and_it_is_said_what_to_mend(kind: str) -> None:
    (finding,) = found(kind, "u-1", Person(), secret="another")
    assert finding.health is Health.FAIL
    assert "--directory-secret-file" in finding.mend
    assert "another" not in str(finding)


def test_an_unknown_user_fails() -> None:
    _, user = found("zitadel", "u-9", Person())
    assert (user.health, user.found) == (Health.FAIL, "it knows no such user of 300001")


def test_a_connection_for_everybody_knows_users_of_any_organization() -> None:
    async def checked() -> list[Finding]:
        async with opened(Office("zitadel")) as office:
            office.has(Person())
            everybody = replace(a_connection(office), tenants={}, organizations=frozenset({"*"}))
            return await check_directory(everybody, "u-1")

    _, user = asyncio.run(checked())
    assert user.health is Health.OK


@pytest.mark.parametrize(
    ("person", "why"),
    [
        (Person(machine=True), "it is a machine"),
        (Person(active=False), "it is not active"),
        (Person(email=None), "it has no address"),
        (Person(verified=False), "the address is not verified"),
    ],
)
def test_whoever_gets_no_mail_is_a_warning(person: Person, why: str) -> None:
    _, user = found("zitadel", "u-1", person)
    assert (user.health, user.found) == (Health.WARN, f"gets no mail: {why}")


def test_a_directory_that_is_away_fails() -> None:
    (finding,) = found("okta", "u-1", url="http://127.0.0.1:9")
    assert finding.health is Health.FAIL
    assert "does not answer" in finding.found


def test_without_a_directory_only_a_user_is_missed() -> None:
    bare = Connection("iam", "zitadel", organization="acme")
    assert asyncio.run(check_directory(bare)) == []
    (finding,) = asyncio.run(check_directory(bare, "u-1"))
    assert finding.health is Health.FAIL


def test_what_may_not_be_is_told_elsewhere() -> None:
    assert found("scim", "u-1", url="http://directory.example") == []


def test_an_address_is_masked() -> None:
    assert masked("ada@example.org") == "a…@example.org"
