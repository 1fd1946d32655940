"""What the relay says to a message that was handed over counts, even after its sender left."""

import asyncio

import pytest

from dispatcher.adapters.mail.smtp_handover import Handover
from dispatcher.adapters.mail.smtp_replies import Reply
from dispatcher.delivery import Phase
from dispatcher.errors import PermanentTransportError, TransientTransportError
from dispatcher.message import Message

_TAKEN = Reply(250, b"2.0.0 taken")


def _withdrawn() -> Handover:
    """Return a message that was handed over, and whose sender was then cancelled."""
    message = Message("<1@a>", "a@a.example", "b@b.example", b"\r\nhello\r\n")
    handover = Handover(message, asyncio.get_running_loop().create_future(), 0.0)
    handover.handed_over = True
    handover.verdict.cancel()
    return handover


def test_an_answer_between_the_cancel_and_its_arrival_is_not_lost() -> None:
    async def scenario() -> Reply:
        handover = _withdrawn()
        handover.accept(_TAKEN)
        return await handover.last_word("relay:25")

    assert asyncio.run(scenario()) == _TAKEN


def test_a_refusal_between_the_cancel_and_its_arrival_is_not_lost() -> None:
    async def scenario() -> None:
        handover = _withdrawn()
        handover.refuse(Phase.FINAL, "relay:25", Reply(554, b"5.6.0 no"))
        await handover.last_word("relay:25")

    with pytest.raises(PermanentTransportError):
        asyncio.run(scenario())


def test_a_refusal_while_it_is_waited_for_is_raised() -> None:
    async def scenario() -> None:
        handover = _withdrawn()
        refusal = Reply(451, b"4.3.0 later")
        loop = asyncio.get_running_loop()
        loop.call_soon(handover.refuse, Phase.FINAL, "relay:25", refusal)
        await handover.last_word("relay:25")

    with pytest.raises(TransientTransportError, match="451"):
        asyncio.run(scenario())


def test_an_answer_that_comes_too_late_harms_nobody() -> None:
    async def scenario() -> None:
        handover = _withdrawn()
        listening = asyncio.create_task(handover.last_word("relay:25"))
        await asyncio.sleep(0)
        listening.cancel()
        with pytest.raises(TransientTransportError, match="before the relay answered"):
            await listening
        handover.refuse(Phase.FINAL, "relay:25", Reply(554, b"5.6.0 no"))

    asyncio.run(scenario())
