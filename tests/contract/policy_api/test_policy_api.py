"""Every row of the facts' tables, in both manners, over every transport."""

import asyncio
from collections.abc import Mapping
from functools import cache

import pytest

from dispatcher.policy import Manner
from tests.contract.policy_api.cases import ROWS, Failure, Row, Success
from tests.contract.policy_api.clients import Answer, Rpc, Step
from tests.contract.policy_api.installation import Installation
from tests.contract.policy_api.transports import TRANSPORTS

NOON = "2026-11-24T12:00:01Z"


@pytest.mark.parametrize("manner", Manner)
@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.title)
def test_answers_as_promised(row: Row, transport: str, manner: Manner) -> None:
    answer = answers(transport, manner)[row.title]
    expected = row.expected(manner)
    if isinstance(expected, Failure):
        assert_fails(answer, expected)
    else:
        assert_succeeds(answer, expected)


@cache
def answers(transport: str, manner: Manner) -> Mapping[str, Answer]:
    """Return what each row's last call is answered, each row beginning with nothing."""
    installation = Installation(manner)

    async def play_all() -> dict[str, Answer]:
        async with TRANSPORTS[transport](installation.desks()) as client:
            found = {}
            for row in ROWS:
                installation.forget()
                found[row.title] = [await client.call(step) for step in row.steps][-1]
            return found

    return asyncio.run(play_all())


def test_no_two_rows_have_the_same_title() -> None:
    assert len({row.title for row in ROWS}) == len(ROWS)


def assert_fails(answer: Answer, expected: Failure) -> None:
    assert (answer.code, answer.id) == (expected.code, expected.id)
    if expected.text is not None:
        named = f" ({expected.id})" if expected.id else ""
        assert answer.message == expected.text + named


def assert_succeeds(answer: Answer, expected: Success) -> None:
    assert answer.code == 0, answer
    details = dict(answer.details or {})
    assert details.keys() == expected.filled
    if expected.filled:
        assert details["sequence"] == str(expected.sequence)
        assert details["resourceOwner"] == expected.owner
    assert {details[name] for name in details if name.endswith("Date")} <= {NOON}
    assert (answer.is_default, answer.on) == (expected.is_default, expected.on)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_in_zitadels_manner_a_request_that_says_nothing_means_off(transport: str) -> None:
    async def story() -> tuple[Answer, Answer]:
        async with TRANSPORTS[transport](Installation(Manner.ZITADEL).desks()) as client:
            await client.call(Step(Rpc.ADD, on=True))
            updated = await client.call(Step(Rpc.UPDATE))
            return updated, await client.call(Step(Rpc.GET))

    updated, read = asyncio.run(story())
    assert updated.code == 0
    assert read.on is False
