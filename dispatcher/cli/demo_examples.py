"""The examples that ``dispatcher demo`` plays: events and policy updates, and what each must do.

They ship with the package; their form is described in ``docs/examples/README.md``.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import dispatcher
from dispatcher.cli.times import resolve_now

_REPEAT: Final = "$repeat"


@dataclass(frozen=True, slots=True)
class Expectation:
    """What an event must come to; an empty field is not checked.

    Args:
        outcome: ``sent``, ``skipped`` or ``dead``.
        reason: The outcome's reason.
        locale: The language that the mail is written in.
        to: The address that the mail goes to, where it is not the event's ``user.email``.
        attempts: How many attempts it takes.
        detail: What the dead letter's detail says, among other things.
    """

    outcome: str
    reason: str = ""
    locale: str = ""
    to: str = ""
    attempts: int = 0
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """One line of ``events.jsonl``, ready to be published.

    Args:
        line: Its line number; the first is 1.
        note: What it shows.
        event: The event, or what claims to be one.
        expect: What it must come to.
    """

    line: int
    note: str
    event: Any
    expect: Expectation

    @property
    def key(self) -> tuple[str, str]:
        """Return the organization and the id that the event claims, "" where it claims none."""
        if not isinstance(self.event, Mapping):
            return "", ""
        org_id, event_id = self.event.get("org_id", ""), self.event.get("id", "")
        return str(org_id), str(event_id)

    @property
    def address(self) -> str:
        """Return the address that its mail goes to."""
        return self.expect.to or str(self.event["user"]["email"])


@dataclass(frozen=True, slots=True)
class PolicyExample:
    """One line of ``policies.jsonl``: an update, and what its result must contain."""

    note: str
    org_id: str
    body: Any
    expect: Mapping[str, Any]


def folder() -> Path:
    """Return where the examples are: in the installed package, else in the source tree."""
    package = Path(dispatcher.__file__).parent
    installed = package / "examples"
    return installed if installed.is_dir() else package.parent / "docs" / "examples"


def load_events(now: datetime) -> list[Example]:
    """Return the events of ``events.jsonl``, with relative times reckoned from *now*."""
    return [
        Example(number, line["note"], expand(line["event"], now), Expectation(**line["expect"]))
        for number, line in _lines("events.jsonl")
    ]


def load_policies() -> list[PolicyExample]:
    """Return the policy updates of ``policies.jsonl``."""
    return [PolicyExample(**line) for _, line in _lines("policies.jsonl")]


def expand(value: Any, now: datetime) -> Any:  # noqa: ANN401 - an example may be any JSON
    """Return *value* with its shorthands written out.

    ``{"$repeat": ["ab", 3]}`` is ``"ababab"``, and ``now-5m`` is the time five
    minutes before *now*.
    """
    if isinstance(value, list):
        return [expand(item, now) for item in value]
    if isinstance(value, str):
        return resolve_now(value, now) or value
    if not isinstance(value, dict):
        return value
    if value.keys() == {_REPEAT}:
        text, times = value[_REPEAT]
        return text * times
    return {name: expand(item, now) for name, item in value.items()}


def _lines(name: str) -> Iterator[tuple[int, Any]]:
    text = (folder() / name).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), start=1):
        yield number, json.loads(line)
