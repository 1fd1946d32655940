"""What a demo found, for people and for programs."""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.text import Text

from dispatcher.cli import output
from dispatcher.cli.demo_examples import PolicyExample
from dispatcher.cli.demo_verdicts import Check, Verdict
from dispatcher.delivery import Totals

_WIDE: Final = 160
"""Columns that a terminal needs to show also what each event is an example of."""


@dataclass(frozen=True, slots=True)
class PolicyUpdate:
    """One call of the update task: what was asked for, and its result."""

    example: PolicyExample
    result: Any

    @property
    def passed(self) -> bool:
        """Return whether the result contains all that is expected."""
        return _contains(self.result, self.example.expect)


@dataclass(frozen=True, slots=True)
class Report:
    """A whole run.

    Args:
        updates: The policy updates, in order.
        verdicts: The examples, in order.
        checks: What had to hold.
        totals: The ledger's counts.
        mails: How many mails lie in the inbox.
        seconds: From the first event published to the last one settled.
        inbox: Where the mails are.
        worker_log: Where the worker's log is.
    """

    updates: Sequence[PolicyUpdate]
    verdicts: Sequence[Verdict]
    checks: Sequence[Check]
    totals: Totals
    mails: int
    seconds: float
    inbox: Path
    worker_log: Path

    @property
    def passed(self) -> bool:
        """Return whether everything is as it should be."""
        return all(update.passed for update in self.updates) and all(c.passed for c in self.checks)


def show(report: Report) -> None:
    """Print a run as tables and sentences."""
    output.say(output.strong("Policies, set by the update task"), "")
    output.table(
        ("", "organization", "body", "result", "what it shows"),
        ([_mark(passed=u.passed), *_update_cells(u)] for u in report.updates),
    )
    output.say("", output.strong("Event → decision → mail"), "")
    columns = ("", ">line", "organization", "event", "decision", "mail", "what it shows")
    shown = len(columns) if _is_wide() else len(columns) - 1
    output.table(
        columns[:shown],
        ([_mark(passed=v.passed), *_event_cells(v)][:shown] for v in report.verdicts),
    )
    output.say("", output.strong("Checks"), "")
    for check in report.checks:
        output.say(Text.assemble(_mark(passed=check.passed), " ", check.name))
        for found in check.found:
            output.say(output.bad(f"    {found}"))
    output.say("", _summary(report))


def document(report: Report) -> dict[str, Any]:
    """Return a run as one JSON document."""
    totals = report.totals
    return {
        "ok": report.passed,
        "seconds": round(report.seconds, 3),
        "totals": {
            "accepted": totals.accepted,
            "sent": totals.sent,
            "skipped": totals.skipped,
            "dead": totals.dead,
        },
        "mails": report.mails,
        "inbox": str(report.inbox),
        "worker_log": str(report.worker_log),
        "policies": [_update_document(update) for update in report.updates],
        "events": [_event_document(verdict) for verdict in report.verdicts],
        "checks": [
            {"name": check.name, "ok": check.passed, "found": list(check.found)}
            for check in report.checks
        ],
    }


def _is_wide() -> bool:
    return not sys.stdout.isatty() or shutil.get_terminal_size().columns >= _WIDE


def _summary(report: Report) -> Text:
    totals = report.totals
    counts = (
        f"{totals.accepted} events in {report.seconds:.1f} s: {totals.sent} sent, "
        f"{totals.skipped} skipped, {totals.dead} dead. "
        f"The {report.mails} mails are in {report.inbox}/"
    )
    if report.passed:
        return Text.assemble(output.good("All as expected. "), counts)
    failed = sum(not verdict.passed for verdict in report.verdicts)
    verdict = f"Not as expected ({failed} events). The worker's log is {report.worker_log}. "
    return Text.assemble(output.bad(verdict), counts)


def _mark(*, passed: bool) -> Text:
    return output.good("✓") if passed else output.bad("✗")


def _update_cells(update: PolicyUpdate) -> list[str | Text]:
    example, result = update.example, update.result
    details = result.get("details") if isinstance(result, dict) else None
    told = f"sequence {details['sequence']}" if isinstance(details, dict) else _message(result)
    return [example.org_id, json.dumps(example.body), told, output.faint(example.note)]


def _message(result: object) -> str:
    return str(result.get("message", result)) if isinstance(result, dict) else str(result)


def _event_cells(verdict: Verdict) -> list[str | Text]:
    example = verdict.fate.example
    org_id, event_id = example.key
    return [
        str(example.line),
        _short(org_id) or "-",
        _short(event_id) or "-",
        _decision(verdict),
        verdict.mail.name if verdict.mail else "",
        output.faint(example.note),
    ]


def _decision(verdict: Verdict) -> Text:
    outcome, reason = verdict.fate.outcome
    delivery = verdict.fate.delivery
    text = Text.assemble(output.state(outcome or "nothing"), f" {reason}" if reason else "")
    if delivery is not None and delivery.attempts > 1 and not verdict.fate.duplicate:
        text.append(f" after {delivery.attempts} attempts")
    for problem in verdict.problems:
        text.append(f"\n{output.clean(problem)}", style="red")
    return text


def _short(text: str) -> str:
    return text if len(text) <= 36 else f"{text[:33]}…"  # noqa: PLR2004 - as long as a UUID


def _update_document(update: PolicyUpdate) -> dict[str, Any]:
    example = update.example
    return {
        "note": example.note,
        "org_id": example.org_id,
        "body": example.body,
        "result": update.result,
        "ok": update.passed,
    }


def _event_document(verdict: Verdict) -> dict[str, Any]:
    example, delivery = verdict.fate.example, verdict.fate.delivery
    org_id, event_id = example.key
    outcome, reason = verdict.fate.outcome
    expected = example.expect
    return {
        "line": example.line,
        "note": example.note,
        "org_id": org_id,
        "event_id": event_id,
        "expected": {"outcome": expected.outcome, "reason": expected.reason},
        "outcome": outcome,
        "reason": reason,
        "detail": delivery.detail if delivery else "",
        "attempts": delivery.attempts if delivery else 0,
        "mail": verdict.mail.name if verdict.mail else None,
        "ok": verdict.passed,
        "problems": list(verdict.problems),
    }


def _contains(found: object, wanted: object) -> bool:
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            name in found and _contains(found[name], item) for name, item in wanted.items()
        )
    return found == wanted
