"""How a delivery's story is written: what goes in comes out."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.store import codec, names
from dispatcher.delivery import Attempt
from tests.builders import NOON

UUIDS = st.uuids().map(str)


@given(
    st.text() | UUIDS | UUIDS.map(str.upper) | UUIDS.map("~{}".format) | UUIDS.map("~~{}".format)
)
def test_packed_text_comes_back(text: str) -> None:
    if not text.lstrip("~").startswith("\0") and names.to_bytes(text).decode() == text:
        assert names.unpack(names.pack(text)) == text


def test_a_uuid_takes_seventeen_bytes_and_its_letters_mark_one_more() -> None:
    assert len(names.pack(str(UUID(int=7)))) == 17
    assert len(names.pack(f"~{UUID(int=7)}")) == 18


@given(st.integers(0, 2**64 - 1).map("{:016x}".format) | st.sampled_from(["", "short"]))
def test_a_fingerprint_comes_back(fingerprint: str) -> None:
    encoded = codec._encode_fingerprint(fingerprint)
    assert codec._decode_fingerprint(encoded) == fingerprint


@given(
    st.builds(
        Attempt,
        number=st.integers(0, 1000),
        at=st.datetimes(min_value=datetime(2020, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001 - hypothesis adds the zone
        duration=st.integers(0, 10**9).map(lambda microseconds: microseconds / 1e6),
        result=st.sampled_from(["sent", "temporary"]),
        relay=st.sampled_from(["", "mx.example.org:25"]),
        phase=st.sampled_from(["", "final", "rcpt"]),
        code=st.none() | st.integers(200, 599),
        enhanced=st.sampled_from(["", "5.1.1"]),
    )
)
def test_an_attempt_comes_back(attempt: Attempt) -> None:
    line = codec._encode_attempt(attempt, NOON)
    assert codec._decode_attempt(line, NOON) == attempt


def test_columns_cannot_be_forged() -> None:
    attempt = Attempt(1, NOON + timedelta(seconds=1), 0.5, "sent", relay="a\x1f\x1e\tb")
    assert codec._decode_attempt(codec._encode_attempt(attempt, NOON), NOON).relay == "a   b"
