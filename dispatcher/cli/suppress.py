"""``dispatcher suppress``: addresses that get no mail."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import typer
from rich.text import Text

from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.organization import organization
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, session
from dispatcher.policy_wire import timestamp
from dispatcher.stories.times import clock_time, relative
from dispatcher.suppression import EVERYWHERE, Suppression

_KNOWN_BY: Final = re.compile(r"[0-9a-f]{16}|[^@\s]+@[^@\s]+")

Address = Annotated[
    str,
    typer.Argument(
        metavar="ADDRESS", help="The address, or its fingerprint as `dispatcher why` shows it."
    ),
]
Scope = Annotated[
    str, typer.Option("--org", help="For one organization only; without it, for all.")
]

app = typer.Typer(
    no_args_is_help=True,
    help="Addresses that get no mail: because they do not exist, or because you say so.\n\n"
    "Addresses themselves are never kept, only their fingerprints; capitals do not matter.",
)


@app.command("add")
def add(
    context: typer.Context,
    address: Address,
    *,
    org: Scope = "",
    note: Annotated[str, typer.Option(help="Why; shown by `dispatcher why`.")] = "",
    as_json: AsJson = False,
) -> None:
    """Let an address get no mail from now on, until you allow it again.

    For example:

        dispatcher suppress add ada@example.org --org acme --note "asked us by phone"
    """
    scope, valid = _scope(org), _valid(address)
    if valid.casefold() in note.casefold():
        raise UsageError("--note: leave the address out, it is not to be kept")
    here = session(context)
    kept = here.with_store(lambda store: store.suppressions.forbid(scope, valid, note))
    if as_json:
        output.document(_wire(kept.suppression) | {"new": kept.before is None})
        return
    already = f" It got none since {clock_time(kept.before.since)}." if kept.before else ""
    output.say(f"The address {kept.suppression.recipient} gets no mail {_of(scope)}.{already}")


@app.command("remove")
def remove(
    context: typer.Context, address: Address, *, org: Scope = "", as_json: AsJson = False
) -> None:
    """Let an address get mail again; it counts from the next event on.

    Ends with 1 when nothing stood against it in that scope.

    For example:

        dispatcher suppress remove ada@example.org --org acme
    """
    scope, valid = _scope(org), _valid(address)

    async def allow(store: OpenStore) -> tuple[Suppression | None, list[Suppression]]:
        removed = await store.suppressions.allow(scope, valid)
        return removed, [one async for one in store.suppressions.listed(address=valid)]

    removed, left = session(context).with_store(allow)
    if as_json:
        output.document(
            {"removed": _wire(removed) if removed else None, "left": [_wire(one) for one in left]}
        )
    elif removed:
        output.say(f"The address {removed.recipient} may get mail {_of(scope)} again.")
    if removed is None:
        output.note(output.bad(f"Nothing stands against this address {_for(scope)}."))
    for one in left:
        output.note(f"• It is still suppressed {_for(one.scope)}: {_because(one)}.")
    if removed is None:
        raise typer.Exit(ExitCode.NO)


@app.command("list")
def list_(
    context: typer.Context,
    *,
    org: Annotated[str, typer.Option("--org", help="Of one organization only.")] = "",
    email: Annotated[str, typer.Option(help="Of one address (or fingerprint) only.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="At most this many.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List addresses that get no mail, newest first.

    With --org, those of that organization; what counts everywhere is listed without it.

    For example:

        dispatcher suppress list --org acme

        dispatcher suppress list --email ada@example.org --json
    """
    scope, address = organization(org) if org else "", _valid(email) if email else ""

    async def ask(store: OpenStore) -> tuple[list[Suppression], int]:
        found: list[Suppression] = []
        async for one in store.suppressions.listed(scope, address):
            found.append(one)
            if len(found) == limit:
                break
        return found, await store.suppressions.store.count(scope)

    here = session(context)
    found, count = here.with_store(ask)
    if as_json:
        output.document({"suppressions": [_wire(one) for one in found], "total": count})
        return
    if found:
        output.table(
            ("since", "", "fingerprint", "scope", "reason", "detail", "event", "until"),
            (_row(one, here.now()) for one in found),
        )
        output.say()
    output.say(f"{count} suppressed{f' {_for(scope)}' if scope else ''}, {len(found)} shown.")


def _scope(org: str) -> str:
    return organization(org) if org and org != EVERYWHERE else EVERYWHERE


def _valid(address: str) -> str:
    stripped = address.strip()
    if not _KNOWN_BY.fullmatch(stripped):
        raise UsageError("expected an address, or a fingerprint of 16 hexadecimal digits")
    return stripped


def _of(scope: str) -> str:
    return "of any organization" if scope == EVERYWHERE else f"of {scope}"


def _for(scope: str) -> str:
    return "everywhere" if scope == EVERYWHERE else f"for {scope}"


def _because(one: Suppression) -> str:
    said = f" ({one.detail})" if one.detail else ""
    return f"{one.reason}{said}, since {clock_time(one.since)}"


def _row(one: Suppression, now: datetime) -> Sequence[str | Text]:
    return (
        clock_time(one.since),
        output.faint(relative(one.since, now)),
        one.recipient,
        "everywhere" if one.scope == EVERYWHERE else one.scope,
        one.reason.value,
        one.detail,
        one.event_id,
        clock_time(one.until) if one.until else "-",
    )


def _wire(one: Suppression) -> dict[str, Any]:
    return {
        "recipient_fingerprint": one.recipient,
        "org_id": None if one.scope == EVERYWHERE else one.scope,
        "reason": one.reason.value,
        "since": timestamp(one.since),
        "until": timestamp(one.until) if one.until else None,
        "detail": one.detail or None,
        "event_id": one.event_id or None,
    }
