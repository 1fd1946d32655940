"""ZITADEL's log of events says what its calls say, under the same ids."""

import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.connection import Connection
from dispatcher.errors import MalformedEvent
from dispatcher.events import Change
from dispatcher.sources import zitadel_log
from dispatcher.sources.hook import Call, Occurrence
from dispatcher.sources.zitadel import SOURCE
from tests.builders import NOON
from tests.calls import cases

_CONNECTION = Connection("iam", "zitadel", frozenset({"*"}))


def _logged(**changed: Any) -> dict[str, Any]:
    return {
        "editor": {"userId": "301122334455667788", "displayName": "Mira", "service": "zitadel"},
        "aggregate": {
            "id": "301122334455667788",
            "type": {"type": "user"},
            "resourceOwner": "300000000000000001",
        },
        "sequence": "7",
        "creationDate": "2026-11-24T09:29:58.123456Z",
        "payload": {"encodedHash": "$2a$14$secret", "changeRequired": False},
        "type": {"type": "user.human.password.changed", "localized": {"key": "x"}},
    } | changed


def _page(*events: object) -> bytes:
    return json.dumps({"events": list(events)}).encode()


def _told(body: bytes) -> Occurrence:
    (found,) = SOURCE.parse(body, Call(body), _CONNECTION).found
    assert isinstance(found, Occurrence)
    return found


def test_an_event_of_the_log_is_the_one_that_the_target_was_told_of() -> None:
    (recorded,) = [each for each in cases() if each.name == "zitadel/a-user-changes-the-password"]

    (body,) = zitadel_log.read(_page(_logged()), "299999999999999999").bodies

    assert _told(body) == _told(recorded.call.body)


def test_a_temporary_password_is_one_and_the_hash_stays_behind() -> None:
    logged = _logged(payload={"encodedHash": "$2a$14$secret", "changeRequired": True})

    (body,) = zitadel_log.read(_page(logged), "i").bodies

    assert _told(body).change is Change.TEMPORARY
    assert b"secret" not in body


def test_a_type_may_be_bare() -> None:
    (body,) = zitadel_log.read(_page(_logged(type="user.human.password.changed")), "i").bodies

    assert _told(body).user.id == "301122334455667788"


def test_a_full_page_says_where_to_go_on_and_the_last_one_does_not() -> None:
    full = zitadel_log.read(_page(*[_logged()] * zitadel_log.LIMIT), "i")
    last = zitadel_log.read(_page(_logged()), "i")

    assert full.until is not None
    assert zitadel_log.question(full.until)["from"] == "2026-11-24T09:29:58.123456Z"
    assert last.until is None
    assert zitadel_log.read(b"{}", "i").bodies == []


def test_the_oldest_come_first_and_only_changes_of_passwords() -> None:
    assert zitadel_log.question(NOON - timedelta(hours=2)) == {
        "asc": True,
        "limit": 500,
        "eventTypes": ["user.human.password.changed"],
        "from": "2026-11-24T10:00:00Z",
    }


def test_the_instance_says_its_id() -> None:
    assert zitadel_log.instance_id(b'{"instance": {"id": "29"}}') == "29"
    with pytest.raises(MalformedEvent, match="instance"):
        zitadel_log.instance_id(b"{}")


@given(st.lists(st.none() | st.text(max_size=4) | st.dictionaries(st.text(), st.none())))
def test_what_is_no_event_is_no_event_for_us_either(events: list[object]) -> None:
    for body in zitadel_log.read(_page(*events), "i").bodies:
        with pytest.raises(MalformedEvent):
            SOURCE.parse(body, Call(body), _CONNECTION)


def test_what_is_no_page_is_refused() -> None:
    with pytest.raises(MalformedEvent):
        zitadel_log.read(b'{"events": "none"}', "i")
