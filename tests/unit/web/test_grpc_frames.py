"""gRPC-Web's frames: what is read, what is refused, what is written."""

import base64
import struct
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.status import Code
from dispatcher.web.grpc_frames import (
    from_text,
    read_message,
    read_timeout,
    to_text,
    write_reply,
)
from dispatcher.web.grpc_status import SUCCESS, RpcError, Status
from tests.contract.policy_api.grpc_clients import WebReply


def frame(payload: bytes, flags: int = 0) -> bytes:
    return struct.pack(">BI", flags, len(payload)) + payload


@given(st.binary())
def test_a_message_is_read_as_it_was_framed(message: bytes) -> None:
    assert read_message(frame(message)) == message


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", Code.UNIMPLEMENTED),
        (b"\0\0\0", Code.INVALID_ARGUMENT),
        (frame(b"abc")[:-1], Code.INVALID_ARGUMENT),
        (b"\0\xff\xff\xff\xffabc", Code.INVALID_ARGUMENT),
        (frame(b"a") + frame(b"b"), Code.UNIMPLEMENTED),
        (frame(b"a") + b"\0", Code.UNIMPLEMENTED),
        (frame(b"a", flags=0x01), Code.UNIMPLEMENTED),
        (frame(b"a", flags=0x80), Code.INVALID_ARGUMENT),
        (frame(b"a", flags=0x02), Code.INVALID_ARGUMENT),
    ],
)
def test_what_is_no_one_message_is_refused(body: bytes, code: Code) -> None:
    with pytest.raises(RpcError) as refused:
        read_message(body)
    assert refused.value.code is code


@given(st.binary())
def test_garbage_is_read_or_refused_and_nothing_else(body: bytes) -> None:
    with suppress(RpcError):
        read_message(from_text(body))


@given(st.lists(st.binary()))
def test_text_may_come_in_pieces_that_are_padded_each(pieces: list[bytes]) -> None:
    assert from_text(b"".join(map(base64.b64encode, pieces))) == b"".join(pieces)


@given(st.binary())
def test_text_is_base64_both_ways(body: bytes) -> None:
    assert base64.b64decode(to_text(body), validate=True) == body
    assert from_text(to_text(body)) == body


@given(
    st.sampled_from([code for code in Code if code]),
    st.text(st.characters(codec="utf-8")),
    st.binary(),
)
def test_a_status_arrives_as_it_was_told(code: Code, message: str, details: bytes) -> None:
    reply = WebReply.read(write_reply(b"left out", Status(code, message, details)))
    assert reply == WebReply(None, reply.trailers)
    assert (reply.code, reply.reason, reply.details) == (code, message, details)


def test_a_message_goes_before_its_trailers() -> None:
    assert write_reply(b"abc", SUCCESS) == frame(b"abc") + frame(b"grpc-status: 0\r\n", 0x80)


def test_no_message_can_bring_a_trailer_of_its_own() -> None:
    reply = write_reply(b"", Status(Code.NOT_FOUND, "x\r\ngrpc-status: 0"))
    assert WebReply.read(reply).trailers["grpc-status"] == "5"


def test_who_may_come_again_is_told_when() -> None:
    reply = WebReply.read(write_reply(b"", Status(Code.UNAVAILABLE, "", b"", retry_after=1.5)))
    assert reply.trailers["grpc-retry-pushback-ms"] == "1500"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [(None, None), ("2H", 7_200.0), ("3M", 180.0), ("4S", 4.0), ("250m", 0.25), ("7u", 7e-6)],
)
def test_a_timeout_is_read_in_seconds(text: str | None, seconds: float | None) -> None:
    assert read_timeout(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "1", "S", "-1S", "1.5S", "123456789S", "1s", "1S ", "\u0661S"]
)
def test_another_timeout_is_refused(text: str) -> None:
    with pytest.raises(RpcError, match="malformed"):
        read_timeout(text)
