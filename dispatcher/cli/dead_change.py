"""Changing dead letters and messages in quarantine: which ones, and what became of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import typer

from dispatcher.cli import dead_letters, dead_quarantine, output
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.put_aside import Quarantine
from dispatcher.cli.session import Books, Session
from dispatcher.delivery import DeliveryFilter, State


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to change: the named ones, or every one that organization, reason and time match."""

    names: Sequence[str]
    every: bool
    org: str
    reason: str
    since: datetime | None = None

    @classmethod
    def parse(
        cls, names: Sequence[str], *, every: bool, org: str, reason: str, since: datetime | None
    ) -> "Wanted":
        """Return what the command line asks for.

        Raises:
            UsageError: It names some and asks for all, or neither.
        """
        if bool(names) == every:
            raise UsageError(
                "expected ids, or --all for all that --org, --reason and --since match"
            )
        if names and (reason or since):
            raise UsageError("--reason and --since go with --all")
        return cls(names, every, org, reason, since)

    def __str__(self) -> str:
        if self.every:
            return "all dead letters that match"
        count = len(self.names)
        return "this dead letter" if count == 1 else f"these {count} dead letters"

    async def letters(self, books: Books, change: dead_letters.Change) -> dead_letters.Changed:
        """Change those of the ledger.

        Raises:
            StoreUnavailable: The store does not answer.
            UsageError: An id is dead in several organizations.
        """
        if self.every:
            matching = DeliveryFilter(self.org, State.DEAD, self.reason, self.since)
            return await dead_letters.change_all(books, matching, change)
        ids, _ = dead_quarantine.split(self.names)
        return await dead_letters.change_named(books, ids, self.org, change)

    def aside(
        self, here: Session, way: Callable[[Quarantine], Callable[[str], bool]]
    ) -> dead_quarantine.Changed:
        """Change those in quarantine, which belong to no organization.

        Raises:
            StoreUnavailable: The broker does not answer.
        """
        _, ids = dead_quarantine.split(self.names)
        if self.every and not self.org:
            ids = dead_quarantine.all_ids(here, self.reason, self.since)
        return dead_quarantine.change(here, ids, way)


@dataclass(frozen=True, slots=True)
class Deed:
    """What was done, in words."""

    done: str
    letter: str
    """What it means for a dead letter."""
    aside: str
    """What it means for a message in quarantine."""


RESENT: Final = Deed("resent", "due again, as a further attempt", "back on its queue")
DROPPED: Final = Deed("dropped", "erased for good", "erased for good")


def report(
    letters: dead_letters.Changed, aside: dead_quarantine.Changed, deed: Deed, *, as_json: bool
) -> None:
    """Print what was changed and what was not; end with 1 unless all was.

    Raises:
        Exit: Something was not there, or nothing was to be done.
    """
    missing = [*letters.missing, *aside.missing]
    if as_json:
        names = [{"org_id": one.org_id, "event_id": one.event_id} for one in letters.done]
        output.document({deed.done: names, "quarantine": aside.done, "not_found": missing})
    else:
        for one in letters.done:
            output.say(f"{one.event_id} of {one.org_id or '-'}: {deed.letter}")
        for name in aside.done:
            output.say(f"{name}: {deed.aside}")
        output.say(f"{len(letters.done) + len(aside.done)} {deed.done}.")
    if missing:
        not_found(missing)
    if missing or not (letters.done or aside.done):
        raise typer.Exit(ExitCode.NO)


def not_found(names: Sequence[str]) -> None:
    """Say that there are no such dead letters, and where to look."""
    for name in names:
        output.note(output.bad(f"No dead letter {name}."))
    output.note("`dispatcher dead list` shows all; `dispatcher why ID` tells what became of one.")
