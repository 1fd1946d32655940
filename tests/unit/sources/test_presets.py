"""What we ship for IAMs that are told what to send, evaluated as they do, is what we take."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from textwrap import indent
from types import SimpleNamespace
from typing import Any, Final

import _jsonnet
import pytest

from dispatcher.connection import Connection
from dispatcher.events import PASSWORD_CHANGED, Actor, ActorKind, Change, Context, Event, User
from dispatcher.sources import discover
from dispatcher.sources.binding import bind
from dispatcher.sources.hook import Call, Occurrence

_PRESETS: Final = Path(__file__).parents[3] / "deploy" / "connect"
_KRATOS: Final = _PRESETS / "kratos" / "password-changed.jsonnet"
_AUTHENTIK: Final = _PRESETS / "authentik"
_CHANGED_AT: Final = datetime(2026, 11, 24, 9, 29, 58, 123456, tzinfo=UTC)


def _taken(body: object, headers: Mapping[str, str] | None = None) -> Event:
    connection = Connection("iam", "token", frozenset({"acme-org"}), organization="acme")
    call = Call(json.dumps(body).encode(), headers or {})
    (told,) = discover()["token"].parse(call.body, call, connection).found
    assert isinstance(told, Occurrence), told
    (event,) = bind(connection, told)
    return event


# Kratos


def _identity(**more: object) -> Mapping[str, object]:
    return {
        "id": "9f425a8d",
        "schema_id": "default",
        "traits": {"email": "ada@example.org"},
        "verifiable_addresses": [{"value": "ada@example.org", "verified": True, "via": "email"}],
        "updated_at": "2026-11-24T09:29:58.123456Z",
        "organization_id": None,
        **more,
    }


def _kratos(identity: Mapping[str, object], flow: Mapping[str, object] | None = None) -> Any:
    context = {
        "flow": {"id": "7b1e", "active": "password", "issued_at": "2026-11-24T09:20:00Z"}
        | dict(flow or {}),
        "request_headers": {"User-Agent": ["Mozilla/5.0"], "True-Client-Ip": ["198.51.100.7"]},
        "request_method": "POST",
        "request_url": "https://kratos.example/self-service/settings",
        "request_cookies": {},
        "identity": identity,
    }
    codes = {"ctx": json.dumps(context)}
    return json.loads(_jsonnet.evaluate_file(str(_KRATOS), tla_codes=codes))


def test_kratos_tells_who_when_and_from_where() -> None:
    assert _taken(_kratos(_identity())) == Event(
        id="kratos/7b1e/2026-11-24T09:29:58.123456Z",
        org_id="acme",
        user=User("9f425a8d", "ada@example.org", email_verified=True),
        occurred_at=_CHANGED_AT,
        type=PASSWORD_CHANGED,
        change=Change.UNKNOWN,
        actor=Actor(ActorKind.USER, "9f425a8d"),
        context=Context("198.51.100.7", "Mozilla/5.0"),
        source="hooks/iam",
    )


def test_a_run_of_kratos_hook_is_one_event_however_often_it_is_tried() -> None:
    event = _taken(_kratos(_identity()), {"ory-webhook-trigger-id": "58b8e4dd"})
    assert event.id == "token:iam:58b8e4dd"


def test_a_flow_of_kratos_that_is_submitted_twice_is_two_events() -> None:
    later = _identity(updated_at="2026-11-24T09:31:00Z")
    assert _taken(_kratos(_identity())).id != _taken(_kratos(later)).id


def test_kratos_prefers_a_verified_address() -> None:
    unverified = _identity(traits={"email": "new@example.org"})
    user = _taken(_kratos(unverified)).user
    assert (user.email, user.email_verified) == ("ada@example.org", True)


def test_kratos_tells_an_address_that_nobody_verified_as_such() -> None:
    user = _taken(_kratos(_identity(verifiable_addresses=None))).user
    assert (user.email, user.email_verified) == ("ada@example.org", False)


def test_kratos_tells_what_the_schema_has_of_name_and_language() -> None:
    traits = {"username": "ada", "name": {"first": "Ada", "last": "Lovelace"}, "locale": "de"}
    user = _taken(_kratos(_identity(traits=traits, verifiable_addresses=[]))).user
    assert user == User("9f425a8d", display_name="Ada Lovelace", login_name="ada", locale="de")
    plain = _identity(traits={"name": "Ada L.", "email": 7})
    assert _taken(_kratos(plain)).user.display_name == "Ada L."


def test_kratos_organization_decides_where_there_is_one() -> None:
    assert _taken(_kratos(_identity(organization_id="acme-org"))).org_id == "acme-org"


def test_kratos_begin_of_the_flow_counts_where_the_identity_is_older() -> None:
    older = _identity(updated_at="2020-01-01T00:00:00Z")
    assert _taken(_kratos(older)).occurred_at == datetime(2026, 11, 24, 9, 20, tzinfo=UTC)
    unknown = _identity(updated_at=None)
    assert _taken(_kratos(unknown)).occurred_at == datetime(2026, 11, 24, 9, 20, tzinfo=UTC)


def test_kratos_stays_silent_when_something_else_was_changed() -> None:
    with pytest.raises(RuntimeError, match="cancel"):
        _kratos(_identity(), {"active": "profile"})


# authentik


@dataclass
class _Person:
    """An authentik user, as far as expressions may look."""

    email: str = "ada@example.org"
    name: str = "Ada Lovelace"
    attributes: dict[str, Any] = field(default_factory=lambda: {"settings": {"locale": "de"}})


def _event(**more: object) -> SimpleNamespace:
    usual = {
        "event_uuid": "0b56b8a6-9c2b-4b47-a6a4-0d1d4a1a3c5f",
        "action": "password_set",
        "user": {"pk": 7, "email": "old@example.org", "username": "ada"},
        "client_ip": "198.51.100.7",
        "created": _CHANGED_AT,
        "context": {"http_request": {"path": "/if/flow/x/", "user_agent": "Mozilla/5.0"}},
    }
    return SimpleNamespace(**(usual | more))


def _authentik(name: str, context: Mapping[str, object], person: _Person | None = None) -> Any:
    """Evaluate an expression in the way of authentik: as the body of a function."""
    source = (_AUTHENTIK / f"{name}.expression").read_text(encoding="utf-8")
    names: dict[str, Any] = {
        "request": SimpleNamespace(context=context),
        "ak_user_by": lambda pk: person if pk == 7 else None,
    }
    exec(f"def expression():\n{indent(source, '    ')}", names)  # noqa: S102 - our own file
    return names["expression"]()


def _body(event: SimpleNamespace, person: _Person | None = None) -> Any:
    recipient = SimpleNamespace(email="admin@example.org", username="admin")
    notification = SimpleNamespace(event=event, user=recipient)
    return _authentik("body", {"notification": notification}, person)


def test_authentik_tells_who_when_and_from_where() -> None:
    assert _taken(_body(_event(), _Person())) == Event(
        id="authentik/0b56b8a6-9c2b-4b47-a6a4-0d1d4a1a3c5f",
        org_id="acme",
        user=User("7", "ada@example.org", "Ada Lovelace", "ada", "de"),
        occurred_at=_CHANGED_AT,
        type=PASSWORD_CHANGED,
        change=Change.UNKNOWN,
        actor=Actor(),
        context=Context("198.51.100.7", "Mozilla/5.0"),
        source="hooks/iam",
    )


def test_authentik_knows_what_the_event_says_of_a_user_who_is_gone() -> None:
    assert _taken(_body(_event())).user == User("7", "old@example.org", login_name="ada")


@pytest.mark.parametrize(
    "more",
    [
        {"user": {"pk": 1, "username": "root", "on_behalf_of": {"pk": 7, "username": "ada"}}},
        {"user": {"pk": 7, "username": "ada", "authenticated_as": {"pk": 1, "username": "root"}}},
        {"context": {"http_request": {"path": "/api/v3/core/users/7/set_password/"}}},
    ],
)
def test_authentik_tells_the_user_of_what_an_administrator_did(more: Mapping[str, object]) -> None:
    event = _taken(_body(_event(**more), _Person()))
    assert (event.user.id, event.user.email) == ("7", "ada@example.org")
    assert (event.actor.kind, event.change) == (ActorKind.ADMIN, Change.ADMIN_RESET)
    assert event.context == Context()


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (_event(), True),
        (_event(context={"synced_from_source": True}), False),
        (_event(action="login"), False),
    ],
)
def test_authentik_sends_only_passwords_that_somebody_set(
    event: SimpleNamespace, *, expected: bool
) -> None:
    assert _authentik("policy", {"event": event}) is expected


def test_authentik_proves_its_calls() -> None:
    headers = _authentik("headers", {})
    assert headers["Authorization"].startswith("Bearer ")
