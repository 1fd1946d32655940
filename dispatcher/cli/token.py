"""``dispatcher token``: make, list and revoke API tokens."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from rich.text import Text

from dispatcher.access import Role, Token
from dispatcher.cli import output
from dispatcher.cli.failures import UsageError
from dispatcher.cli.organization import organization
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import session
from dispatcher.cli.times import parse_span
from dispatcher.stories.times import clock_time, relative

RolesOption = Annotated[
    list[Role],
    typer.Option("--role", help="What it permits; may be given more than once."),
]
OrgOption = Annotated[
    str,
    typer.Option("--org", metavar="ORG", help="The organization; IAM_ roles need none."),
]
Expires = Annotated[
    str,
    typer.Option(metavar="SPAN", help="How long it is valid, such as 90d; by default for good."),
]
Name = Annotated[
    str, typer.Option(metavar="NAME", help="What you call it, such as the program that uses it.")
]
OnlyOrg = Annotated[
    str, typer.Option("--org", metavar="ORG", help="Only one organization's tokens.")
]
TokenId = Annotated[
    str, typer.Argument(metavar="ID", help="The token's id, as `dispatcher token list` shows it.")
]

app = typer.Typer(
    no_args_is_help=True,
    help="Make, list and revoke API tokens.\n\n"
    "Whoever has a token may call the API in its organization's name, as far as its roles go.",
)


@app.command("create")
def create(
    context: typer.Context,
    *,
    roles: RolesOption,
    org: OrgOption = "",
    expires: Expires = "",
    name: Name = "",
    as_json: AsJson = False,
) -> None:
    """Make a token and print it: it is shown now and never again.

    For example:

        dispatcher token create --org acme --role ORG_OWNER --expires 90d --name backoffice
    """
    here, owner, lifetime = session(context), organization(org) if org else "", _lifetime(expires)
    issued = here.with_store(
        lambda store: store.tokens.issue(
            org_id=owner, roles=frozenset(roles), name=name, lifetime=lifetime
        )
    )
    if as_json:
        output.document(_document(issued.token, here.now()) | {"token": issued.text})
        return
    output.line(issued.text)
    ends = issued.token.expires_at
    until = f"valid until {clock_time(ends)}" if ends else "valid until it is revoked"
    output.note(output.faint(f"{issued.token.id}, {until}. It is not shown again: keep it safe."))


@app.command("list")
def listing(context: typer.Context, *, org: OnlyOrg = "", as_json: AsJson = False) -> None:
    """List tokens, oldest first, with when they were last used; never the tokens themselves.

    For example:

        dispatcher token list --org acme
    """
    here, owner = session(context), organization(org) if org else None
    tokens, now = here.with_store(lambda store: store.tokens.list(owner)), here.now()
    if as_json:
        output.document([_document(token, now) for token in tokens])
    elif not tokens:
        output.note("there are no tokens")
    else:
        columns = ("id", "organization", "roles", "name", "state", "expires", "last used")
        output.table(columns, [_row(token, now) for token in tokens])


@app.command("revoke")
def revoke(context: typer.Context, token_id: TokenId, *, as_json: AsJson = False) -> None:
    """Revoke a token; it counts from the next call on.

    Ends with 1 when there is none.

    For example:

        dispatcher token revoke 4kQx8ZtYw2Lm
    """
    here = session(context)
    revoked = here.with_store(lambda store: store.tokens.revoke(token_id))
    if as_json:
        output.document(_document(revoked, here.now()))
    else:
        output.say(f"{revoked.id} is worth nothing any more.")


def _lifetime(text: str) -> timedelta | None:
    if not text:
        return None
    seconds = parse_span(text)
    if not seconds:
        raise UsageError("--expires: expected a span such as 12h, 90d or 52w")
    return timedelta(seconds=seconds)


def _state(token: Token, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "valid" if token.is_valid(now) else "expired"


def _row(token: Token, now: datetime) -> Sequence[str | Text]:
    state = _state(token, now)
    return (
        token.id,
        token.org_id or "(all)",
        ", ".join(sorted(token.roles)),
        token.name,
        output.good(state) if state == "valid" else output.bad(state),
        clock_time(token.expires_at) if token.expires_at else "never",
        relative(token.last_used_at, now) if token.last_used_at else "never",
    )


def _document(token: Token, now: datetime) -> dict[str, Any]:
    return {
        "id": token.id,
        "organization": token.org_id or None,
        "roles": sorted(token.roles),
        "name": token.name,
        "state": _state(token, now),
        "createdAt": token.created_at,
        "expiresAt": token.expires_at,
        "revokedAt": token.revoked_at,
        "lastUsedAt": token.last_used_at,
    }
