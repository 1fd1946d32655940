"""``dispatcher dead export``: dead letters as lines of JSON, for programs and for the record."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Annotated

import typer

from dispatcher.cli import dead_letters, output
from dispatcher.cli.deliveries import Organization, Reason, Since
from dispatcher.cli.failures import UsageError
from dispatcher.cli.session import OpenStore, session
from dispatcher.cli.times import since_if_any
from dispatcher.delivery import Delivery, DeliveryFilter, State


def command(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="A file to write, for its owner only; - stdout.")
    ] = "-",
    *,
    org: Organization = "",
    reason: Reason = "",
    since: Since = "",
    reveal: Annotated[bool, typer.Option("--reveal", help="Write personal fields too.")] = False,
) -> None:
    """Write dead letters with their history as lines of JSON, newest first.

    Personal fields of the events are hidden unless `--reveal` is given. Messages in quarantine
    are no events and are not written. What was exported with `--reveal` can be published to another
    installation (`dispatcher send --file`); here it would be a duplicate of itself: `dead resend`.

    For example:

        dispatcher dead export --org acme dead.jsonl

        dispatcher dead export --reason rejected_recipient | jq .event_id
    """
    here = session(context)
    wanted = DeliveryFilter(org, State.DEAD, reason, since_if_any(since, here.now()))

    async def write(store: OpenStore) -> int:
        count = 0
        async for page in store.ledger.letters(wanted):
            target.writelines(_line(one, reveal=reveal) for one in page)
            count += len(page)
        return count

    with _opened(file) as target:
        count = here.with_store(write)
    output.note(f"{'1 dead letter' if count == 1 else f'{count} dead letters'} written.")


def _line(one: Delivery, *, reveal: bool) -> str:
    return json.dumps(dead_letters.document(one, reveal=reveal), ensure_ascii=False) + "\n"


@contextmanager
def _opened(file: str) -> Iterator[IO[str]]:
    if file == "-":
        yield sys.stdout
        return
    try:
        with open(file, "w", encoding="utf-8", opener=_for_its_owner) as target:
            yield target
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error


def _for_its_owner(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
