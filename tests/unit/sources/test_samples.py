"""Every kind of IAM: the sample call that it makes for us is one that it takes itself."""

from asyncio import run
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import pytest

from dispatcher.connection import Connection
from dispatcher.events import PASSWORD_CHANGED
from dispatcher.sources import discover
from dispatcher.sources.hook import SAMPLE_USER, NoKeys, Occurrence

_NOW: Final = datetime(2026, 11, 24, 9, 30, 0, 250_000, tzinfo=UTC)
_SECRET: Final[Mapping[str, str]] = {
    "standard-webhooks": "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
    "supabase": "v1,whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
}


def _connection(kind: str) -> Connection:
    secret = _SECRET.get(kind, "0123456789abcdef0123456789abcdef")
    return Connection("iam", kind, frozenset({"acme"}), organization="acme", secrets=(secret,))


def _told(kind: str, now: datetime) -> Occurrence | None:
    source, connection = discover()[kind], _connection(kind)
    call = source.sample(connection, now, "acme")
    if call is None:
        return None
    content = run(source.verify(call, connection, NoKeys(), now))
    (found,) = source.parse(content, call, connection).found
    assert isinstance(found, Occurrence)
    return found


@pytest.mark.parametrize("kind", discover())
def test_a_sample_is_proven_and_tells_of_nobody(kind: str) -> None:
    told = _told(kind, _NOW)
    if told is not None:
        assert told.type == PASSWORD_CHANGED
        assert SAMPLE_USER.id == told.user.id or SAMPLE_USER.email == told.user.email
        assert told.tenant in {"acme", ""}


@pytest.mark.parametrize("kind", discover())
def test_a_sample_at_another_time_is_another_change(kind: str) -> None:
    told = [_told(kind, _NOW.replace(microsecond=each)) for each in (0, 250_000)]
    ids = {each.native_id for each in told if each}
    assert len(ids) == len([each for each in told if each])


@pytest.mark.parametrize("kind", discover())
def test_without_a_secret_there_is_no_sample(kind: str) -> None:
    assert discover()[kind].sample(Connection("iam", kind), _NOW) is None
