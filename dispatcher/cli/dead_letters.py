"""Dead letters of the ledger: found, and changed one by one or all that match."""

from asyncio import gather
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import default
from typing import Any, Final

from dispatcher.cli import output
from dispatcher.cli.failures import UsageError
from dispatcher.cli.session import Books
from dispatcher.delivery import Delivery, DeliveryFilter
from dispatcher.message import Message
from dispatcher.stories import wire
from dispatcher.stories.letters import letters_named
from dispatcher.stories.redact import redacted

_WORTH_A_BAR: Final = 100

Change = Callable[[str, str], Awaitable[bool]]
"""Changes the dead letter of an organization and an event id; False where there is none."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The dead letters that were changed, and the ids that name none."""

    done: Sequence[Delivery] = ()
    missing: Sequence[str] = ()


async def with_messages(
    books: Books, event_id: str, org: str
) -> tuple[Sequence[Delivery], Mapping[str, Message]]:
    """Return the dead letters of an event's id, and the messages they keep, by organization."""
    letters = await letters_named(books, event_id, org)
    kept = {one.org_id: await books.message(one.org_id, event_id) for one in letters}
    return letters, {org_id: message for org_id, message in kept.items() if message}


def describe_message(message: Message | None) -> str:
    """Return what is known of a kept message without its address, as a remark."""
    if message is None:
        return "No message is kept: a resend renders it anew."
    subject = BytesParser(policy=default).parsebytes(message.content, headersonly=True)["Subject"]
    return (
        f"Its message is kept ({len(message.content)} bytes, subject: {subject}): "
        "`--as-it-was` resends exactly that."
    )


async def change_named(books: Books, ids: Sequence[str], org: str, change: Change) -> Changed:
    """Change the dead letters that are named.

    Raises:
        UsageError: An id is dead in several organizations.
    """
    changed, missing = [], []
    for event_id in dict.fromkeys(ids):
        found = await letters_named(books, event_id, org)
        if len(found) > 1:
            owners = ", ".join(one.org_id for one in found)
            raise UsageError(f"{event_id} is dead in {owners}: say which with --org")
        if found and await change(found[0].org_id, event_id):
            changed.append(found[0])
        else:
            missing.append(event_id)
    return Changed(changed, missing)


async def change_all(books: Books, wanted: DeliveryFilter, change: Change) -> Changed:
    """Change all dead letters that match, and show how far it is; each once, if it dies again."""
    changed: list[Delivery] = []
    total = (await books.totals(org_id=wanted.org_id)).dead
    with output.progress("Dead letters", quiet=total < _WORTH_A_BAR) as bar:
        task = bar.add_task("", total=total)
        async for page in books.letters(wanted):
            answers = await gather(*(change(one.org_id, one.event_id) for one in page))
            changed += [one for one, was in zip(page, answers, strict=True) if was]
            bar.advance(task, len(page))
    return Changed(changed)


def document(one: Delivery, *, reveal: bool) -> dict[str, Any]:
    """Return a dead letter as JSON, its event with personal fields hidden unless *reveal*."""
    return wire.delivery(one) | {"event": one.event if reveal else redacted(one.event or {})}
