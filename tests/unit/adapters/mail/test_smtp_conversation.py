"""Whatever a relay says, every message gets one verdict, and the verdict is true."""

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.adapters.mail.smtp_conversation import ClosingDown, Conversation, Doubt
from dispatcher.adapters.mail.smtp_handover import Handover, Offers, on_the_wire
from dispatcher.adapters.mail.smtp_replies import Reply
from dispatcher.errors import TransportError, UncertainDelivery
from dispatcher.message import Message


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


def _handover(loop: asyncio.AbstractEventLoop, number: int = 1) -> Handover:
    content = f"Message-ID: <{number}@a>\r\n\r\nbody {number}\r\n".encode()
    message = Message(f"<{number}@a>", "a@a.example", f"r{number}@b.example", content)
    return Handover(message, loop.create_future(), 0.0)


def _verdict(handover: Handover) -> Reply | BaseException | None:
    if not handover.verdict.done():
        return None
    return handover.verdict.exception() or handover.verdict.result()


_REPLY = st.builds(
    Reply,
    st.sampled_from([220, 250, 250, 250, 250, 251, 354, 354, 354, 421, 450, 451, 503, 550, 554]),
    st.just(b"text"),
)


class _Story:
    """A session that always has a next message, told by the replies it gets."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *, pipelining: bool) -> None:
        self._loop = loop
        self._conversation = Conversation("relay:25", Offers(pipelining=pipelining))
        self.begun: list[Handover] = []
        self.handed_over: list[Handover] = []
        self.orphans: list[Handover] = []

    def tell(self, replies: list[Reply], rescue_at: int) -> None:
        try:
            self._go_on(b"")
            for turn, reply in enumerate(replies):
                if turn == rescue_at and (rescued := self._conversation.rescue()):
                    self.orphans.append(rescued)
                self._go_on(self._conversation.answer(reply))
        except (Doubt, ClosingDown):
            pass
        if orphan := self._conversation.lose(None, "the connection was lost"):
            self.orphans.append(orphan.handover)

    def _go_on(self, said: bytes) -> None:
        self.handed_over += [handover for handover in self.begun if handover.body in said]
        while self._conversation.has_room:
            self.begun.append(_handover(self._loop, len(self.begun)))
            self._conversation.begin(self.begun[-1])


@settings(max_examples=400)
@given(st.lists(_REPLY, max_size=60), st.integers(0, 60), st.booleans())
def test_any_replies_give_each_message_one_true_verdict(
    loop: asyncio.AbstractEventLoop,
    replies: list[Reply],
    rescue_at: int,
    pipelining: bool,  # noqa: FBT001 - hypothesis's
) -> None:
    story = _Story(loop, pipelining=pipelining)
    story.tell(replies, rescue_at)
    for handover in story.begun:
        verdict = _verdict(handover)
        content_is_out = handover in story.handed_over
        match verdict:
            case None:
                assert handover in story.orphans
                assert not content_is_out
            case Reply():
                assert verdict.severity == 2
                assert content_is_out
            case UncertainDelivery():
                assert content_is_out
            case _:
                assert isinstance(verdict, TransportError)
                assert verdict.code is not None
    assert len(story.handed_over) == len(set(story.handed_over))


def test_an_envelope_is_one_write_and_the_next_rides_behind_the_body(
    loop: asyncio.AbstractEventLoop,
) -> None:
    conversation = Conversation("relay:25", Offers(pipelining=True))
    first, second = _handover(loop, 1), _handover(loop, 2)
    assert conversation.begin(first) == (
        b"MAIL FROM:<a@a.example>\r\nRCPT TO:<r1@b.example>\r\nDATA\r\n"
    )
    rooms = [conversation.has_room]
    assert conversation.answer(Reply(250, b"")) == b""
    assert conversation.answer(Reply(250, b"")) == b""
    assert conversation.answer(Reply(354, b"")) == first.body
    assert [*rooms, conversation.has_room] == [False, True]
    assert conversation.begin(second).startswith(b"MAIL")
    conversation.answer(Reply(250, b"queued"))
    assert _verdict(first) == Reply(250, b"queued")
    assert _verdict(second) is None


def test_after_a_refusal_the_next_envelope_starts_with_rset(
    loop: asyncio.AbstractEventLoop,
) -> None:
    conversation = Conversation("relay:25", Offers(pipelining=True))
    conversation.begin(_handover(loop, 1))
    for code in (250, 550, 503):
        conversation.answer(Reply(code, b""))
    assert conversation.begin(_handover(loop, 2)).startswith(b"RSET\r\nMAIL")


def test_without_pipelining_a_refusal_spares_the_rest_of_the_envelope(
    loop: asyncio.AbstractEventLoop,
) -> None:
    conversation = Conversation("relay:25", Offers())
    assert conversation.begin(_handover(loop, 1)).startswith(b"MAIL")
    assert conversation.answer(Reply(250, b"")).startswith(b"RCPT")
    assert conversation.answer(Reply(550, b"")) == b""
    assert conversation.begin(_handover(loop, 2)) == b"RSET\r\n"
    assert conversation.answer(Reply(250, b"")).startswith(b"MAIL")


def test_a_refused_rset_ends_the_session(loop: asyncio.AbstractEventLoop) -> None:
    conversation = Conversation("relay:25", Offers())
    conversation.begin(_handover(loop, 1))
    conversation.answer(Reply(550, b""))
    waiting = _handover(loop, 2)
    conversation.begin(waiting)
    with pytest.raises(Doubt):
        conversation.answer(Reply(500, b""))
    orphan = conversation.lose(None, "doubt")
    assert orphan is not None
    assert orphan.handover is waiting


def test_words_out_of_turn_end_the_session() -> None:
    with pytest.raises(Doubt):
        Conversation("relay:25", Offers()).answer(Reply(250, b"hello?"))


_LINES = st.lists(
    st.sampled_from([b".", b"..", b".x", b"x.", b"", b"text", b"\r", b"\n", b".\r", b"\n."])
    | st.binary(max_size=20),
    max_size=12,
)


@given(_LINES, st.sampled_from([b"\r\n", b"\n", b"\r", b""]))
def test_content_on_the_wire_ends_once_and_has_no_bare_line_end(
    lines: list[bytes], end: bytes
) -> None:
    wire = on_the_wire(end.join(lines))
    assert wire.endswith(b".\r\n")
    assert wire.count(b"\r") == wire.count(b"\n") == wire.count(b"\r\n")
    stuffed = wire[: -len(b".\r\n")].split(b"\r\n")
    assert b"." not in stuffed
    assert all(line.startswith(b"..") for line in stuffed if line.startswith(b"."))


@given(st.lists(st.sampled_from([b".", b"..", b".a", b"a", b"", b"a."]), min_size=1, max_size=12))
def test_a_reader_that_unstuffs_the_dots_gets_the_content_back(lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    received = on_the_wire(content)[: -len(b".\r\n")].split(b"\r\n")
    assert b"\r\n".join(line.removeprefix(b".") for line in received) == content
