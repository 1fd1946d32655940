"""``dispatcher connection``: an IAM is let in and its secret shown once, and never again."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dispatcher.adapters.directory.kinds import KINDS
from dispatcher.adapters.store.memory_connections import MemoryConnectionStore
from dispatcher.connection import Connection
from dispatcher.errors import ConnectionUnreadable
from dispatcher.sources import discover
from tests.unit.cli.installation import MemorySession, Run

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
ADD = ("connection", "add", "svix", "--kind", "standard-webhooks", "--org", "acme")


class Keyless(MemoryConnectionStore):
    """A store whose secrets' key is elsewhere."""

    async def find(self, name: str) -> Connection | None:
        raise ConnectionUnreadable(name)


def kept(session: MemorySession, name: str = "svix") -> Connection:
    return asyncio.run(session.store.connections.get(name))


def a_file(folder: Path, text: str) -> str:
    path = folder / "secret"
    path.write_text(text)
    return str(path)


def test_a_new_connection_says_what_to_enter_at_the_iam_and_its_secret_once(
    run: Run, session: MemorySession
) -> None:
    answer = run(*ADD)
    assert answer.code == 0
    assert answer.out.strip() == kept(session).secrets[0]
    assert answer.out.startswith("whsec_")
    assert "https://YOUR-HOST/hooks/svix" in answer.err
    assert "docs/connect/standard-webhooks.md" in answer.err
    for command in (("show", "svix"), ("list",)):
        for form in ((), ("--json",)):
            assert answer.out.strip() not in run("connection", *command, *form).out


def test_all_that_a_connection_can_be_is_taken(
    run: Run, session: MemorySession, tmp_path: Path
) -> None:
    answer = run(
        *ADD,
        "--org=globex",
        "--tenant=a=b=initech",
        "--organization=umbrella",
        "--secret-file",
        a_file(tmp_path, f"{SECRET}\n"),
        "--directory",
        "scim",
        "https://scim.acme.example",
        "--directory-secret-file=-",
        "--directory-option=cache=30",
        "--directory-is-truth",
        "--json",
        stdin="a token\n",
    )
    assert answer.code == 0, answer.err
    document = json.loads(answer.out)
    assert document["secret"] is None
    assert document["connection"] == {
        "name": "svix",
        "kind": "standard-webhooks",
        "address": "/hooks/svix",
        "organizations": ["acme", "globex"],
        "tenants": {"a=b": "initech"},
        "organization": "umbrella",
        "options": {},
        "secrets": [{"since": "2026-11-24T12:00:01Z"}],
        "directory": {
            "kind": "scim",
            "url": "https://scim.acme.example",
            "hasSecret": True,
            "options": {"cache": "30"},
            "isTruth": True,
        },
        "isFixed": False,
        "changedAt": "2026-11-24T12:00:01Z",
    }
    connection = kept(session)
    assert connection.secrets == (SECRET,)
    assert connection.directory is not None
    assert connection.directory.secret == "a token"


@pytest.mark.parametrize(
    ("arguments", "mistake"),
    [
        (("--kind=nonsense",), "the kind: expected one of"),
        (("--option=nonsense=1",), "option 'nonsense'"),
        (("--option=nonsense",), "--option: expected K=V"),
        (("--tenant==acme",), "--tenant: expected T=ORG"),
        (("--tenant=a=b", "--tenant=a=c"), "a is said twice"),
        (("--tenant=a=b/c",), "tenant 'a'"),
        (("--secret-file=missing",), "cannot read missing"),
        (("--secret-file=-",), "there is no secret in -"),
        (("--secret-file=-", "--directory-secret-file=-"), "only one secret"),
        (("--directory-option=a=b",), "name the directory"),
    ],
)
def test_a_mistake_is_told_and_nothing_is_kept(
    run: Run, session: MemorySession, arguments: tuple[str, ...], mistake: str
) -> None:
    answer = run(*ADD, *arguments)
    assert answer.code == 2
    assert mistake in answer.err
    assert list(asyncio.run(session.store.connections.names())) == []


def test_of_events_that_workers_fetch_no_address_is_told(run: Run) -> None:
    url = "--option=stream_url=redis://valkey/0"
    options = ("--option=stream=events", url, "--secret-file=-", "--org=acme")
    answer = run("connection", "add", "s", "--kind=token", *options, stdin="the password")
    assert answer.code == 0, answer.err
    assert "the workers fetch" in answer.err
    assert "/hooks/" not in answer.err


def test_one_name_is_one_connection(run: Run) -> None:
    run(*ADD)
    answer = run(*ADD)
    assert answer.code == 2
    assert "svix already" in answer.err


def test_a_change_adds_replaces_and_takes_away(run: Run, session: MemorySession) -> None:
    run(*ADD, "--tenant=1=acme", "--tenant=2=globex", "--organization=acme")
    before = kept(session)
    answer = run(
        "connection",
        "change",
        "svix",
        "--org=globex",
        "--no-org=acme",
        "--tenant=2=initech",
        "--no-tenant=1",
        "--organization=",
        "--directory",
        "scim",
        "https://scim.acme.example",
        "--directory-secret-file=-",
        stdin="a token",
    )
    assert answer.code == 0, answer.err
    after = kept(session)
    assert after.organizations == {"globex"}
    assert after.tenants == {"2": "initech"}
    assert after.organization == ""
    assert after.secrets == before.secrets


def changed_directory(session: MemorySession) -> Mapping[str, object]:
    directory = kept(session).directory
    assert directory is not None
    return {"url": directory.url, "secret": directory.secret, "truth": directory.is_truth}


def test_a_directorys_secret_goes_to_no_other_place(run: Run, session: MemorySession) -> None:
    place = ("--directory", "scim", "https://scim.acme.example")
    run(*ADD, *place, "--directory-secret-file=-", stdin="a token")
    run("connection", "change", "svix", "--directory-is-truth", *place)
    assert changed_directory(session) == {"url": place[2], "secret": "a token", "truth": True}
    other = "https://other.example"
    elsewhere = ("connection", "change", "svix", "--directory", "scim", other)
    refused = run(*elsewhere)
    assert refused.code == 2
    assert "a secret is required" in refused.err
    assert changed_directory(session) == {"url": place[2], "secret": "a token", "truth": True}
    run(*elsewhere, "--directory-secret-file=-", stdin="another")
    assert changed_directory(session) == {"url": other, "secret": "another", "truth": False}
    assert run("connection", "change", "svix", "--no-directory", "--json").code == 0
    assert kept(session).directory is None
    assert run("connection", "change", "svix", "--no-directory", *place).code == 2


def test_a_secret_is_replaced_without_a_gap(run: Run, session: MemorySession) -> None:
    run(*ADD)
    old = kept(session).secrets
    session.clock.advance(timedelta(days=400).total_seconds())
    answer = run("connection", "rotate", "svix")
    assert answer.code == 0
    assert kept(session).secrets == (answer.out.strip(), *old)
    assert "--drop-old" in answer.err
    assert "2 (just now, 400 d ago)" in run("connection", "show", "svix").out
    assert run("connection", "rotate", "svix", "--drop-old").code == 0
    assert kept(session).secrets == (answer.out.strip(),)


def test_a_secret_that_the_iam_made_is_added_from_a_file(
    run: Run, session: MemorySession, tmp_path: Path
) -> None:
    run(*ADD)
    file = a_file(tmp_path, SECRET)
    answer = run("connection", "rotate", "svix", "--secret-file", file, "--json")
    assert json.loads(answer.out)["secret"] is None
    assert kept(session).secrets[0] == SECRET
    assert run("connection", "rotate", "svix", "--secret-file", file, "--drop-old").code == 2


def test_connections_are_listed_with_whom_they_speak_for(run: Run, session: MemorySession) -> None:
    assert "no connections" in run("connection", "list").err
    run(*ADD)
    run("connection", "add", "all", "--kind=standard-webhooks", "--org=*")
    listed = run("connection", "list").out
    assert "all organizations" in listed
    assert "acme" in listed

    keyless = replace(session.store.connections, store=Keyless([kept(session)]))
    session.store = replace(session.store, connections=keyless)
    assert "unreadable" in run("connection", "list").out
    document = json.loads(run("connection", "list", "--json").out)
    assert document["connections"][0] == {"name": "svix", "unreadable": True}


def test_every_kind_is_listed_with_its_options(run: Run) -> None:
    shown = run("connection", "kinds").out
    listed = json.loads(run("connection", "kinds", "--json").out)
    assert [each["kind"] for each in listed["sources"]] == list(discover())
    assert [each["kind"] for each in listed["directories"]] == list(KINDS)
    for each in (*listed["sources"], *listed["directories"]):
        assert each["kind"] in shown
        assert each["title"] in shown
        assert all(f"option {name}=" in shown for name in each["options"])


def test_a_connection_is_removed_only_when_that_is_confirmed(
    run: Run, session: MemorySession
) -> None:
    run(*ADD)
    assert run("connection", "remove", "svix", stdin="n\n").code == 1
    assert kept(session).name == "svix"
    assert run("connection", "remove", "svix", "--json").code == 2
    assert run("connection", "remove", "svix", stdin="y\n").code == 0
    run(*ADD)
    assert json.loads(run("connection", "remove", "svix", "--json", "--yes").out) == {
        "effect": "removed",
        "name": "svix",
    }


@pytest.mark.parametrize(
    "command",
    [
        ("show", "nobody"),
        ("change", "nobody", "--org=acme"),
        ("rotate", "nobody"),
        ("rotate", "nobody", "--drop-old"),
        ("remove", "nobody", "--yes"),
    ],
)
def test_what_is_not_there_ends_with_1(run: Run, command: tuple[str, ...]) -> None:
    answer = run("connection", *command)
    assert answer.code == 1
    assert "there is no such connection" in answer.err


def test_changing_the_key_counts_connections_too(run: Run) -> None:
    assert json.loads(run("key", "rotate", "--json").out) == {"resealed": 0}
