"""``dispatcher doctor``: looks at everything outside, and says what to mend."""

from collections.abc import Sequence
from typing import Annotated

import typer

from dispatcher.cli import output
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import session
from dispatcher.errors import RenderError


def command(
    context: typer.Context,
    *,
    send_to: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Send a test mail there as well.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Check settings, store, broker, workers, relays, and the sender's domain in DNS.

    Says what to mend. Ends with 1 when something fails; a warning is no failure.

    For example:

        dispatcher doctor --send-to me@example.org
    """
    from dispatcher.cli.checks.examine import examine

    try:
        with output.waiting("Looking around"):
            findings = examine(now=session(context).now(), send_to=send_to)
    except RenderError as error:
        raise UsageError("--send-to: expected one mail address, such as ada@example.org") from error
    report(findings, as_json=as_json)


def report(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Print what was found.

    Raises:
        Exit: With 1: something failed.
    """
    failed = any(finding.health is Health.FAIL for finding in findings)
    if as_json:
        output.document({"healthy": not failed, "findings": [_wire(each) for each in findings]})
    else:
        _print(findings)
    if failed:
        raise typer.Exit(ExitCode.NO)


def _print(findings: Sequence[Finding]) -> None:
    output.table(
        ("", "what", "found", "what to do"),
        ((output.state(f.health.value), f.subject, f.found, f.mend) for f in findings),
    )
    count = sum(finding.health is Health.FAIL for finding in findings)
    warnings = sum(finding.health is Health.WARN for finding in findings)
    output.say("")
    if count:
        output.say(output.bad(f"{count} failed, {warnings} warnings."))
    elif warnings:
        output.say(f"Nothing failed; {warnings} warnings.")
    else:
        output.say(output.good("All is well."))


def _wire(finding: Finding) -> dict[str, str | None]:
    return {
        "health": finding.health.value,
        "subject": finding.subject,
        "found": finding.found,
        "mend": finding.mend or None,
    }
