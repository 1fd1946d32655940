"""``dispatcher dead export``: dead letters as lines of JSON, for programs and for the record."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Annotated, Final

import typer

from dispatcher.cli import dead_letters, output
from dispatcher.cli.deliveries import Organization, Reason
from dispatcher.cli.failures import UsageError
from dispatcher.cli.session import session
from dispatcher.delivery import Delivery, DeliveryFilter, State

_ALL: Final = 10_000_000
"""More dead letters than a store holds."""


def command(
    context: typer.Context,
    file: Annotated[
        str, typer.Argument(metavar="[FILE]", help="A file to write, for its owner only; - stdout.")
    ] = "-",
    *,
    org: Organization = "",
    reason: Reason = "",
    reveal: Annotated[bool, typer.Option("--reveal", help="Write personal fields too.")] = False,
) -> None:
    """Write dead letters with their history as lines of JSON, newest first.

    Personal fields of the events are hidden unless `--reveal` is given. Messages in quarantine
    are no events and are not written.

    For example:

        dispatcher dead export --org acme dead.jsonl

        dispatcher dead export --reason rejected_recipient | jq .event_id
    """
    wanted = DeliveryFilter(org, State.DEAD, reason)
    letters = session(context).with_store(
        lambda store: dead_letters.newest(store.ledger, wanted, _ALL)
    )
    with _opened(file) as target:
        target.writelines(_lines(letters, reveal=reveal))
    count = "1 dead letter" if len(letters) == 1 else f"{len(letters)} dead letters"
    output.note(f"{count} written.")


def _lines(letters: Sequence[Delivery], *, reveal: bool) -> Iterator[str]:
    for one in letters:
        yield json.dumps(dead_letters.document(one, reveal=reveal), ensure_ascii=False) + "\n"


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
