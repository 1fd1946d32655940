"""``dispatcher connection add``, ``change`` and ``rotate``: what makes or alters one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated

import typer

from dispatcher.cli import output
from dispatcher.cli.connection_parts import (
    Directory,
    DirectoryOptions,
    DirectorySecret,
    DirectoryWish,
    IsTruth,
    Name,
    Options,
    Orgs,
    SecretFiles,
    Tenants,
    pairs,
    read_secret,
    read_secrets,
    require_one_stdin,
)
from dispatcher.cli.connection_view import document
from dispatcher.cli.failures import UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import session
from dispatcher.connection import Connection
from dispatcher.connections import Secured
from dispatcher.stories.connections import address

Without = list[str] | None

Kind = Annotated[
    str, typer.Option(metavar="KIND", help="As `dispatcher connection kinds` lists them.")
]
Organization = Annotated[
    str | None,
    typer.Option(metavar="ORG", help='Whose the events are that name no tenant; "" for nobody\'s.'),
]
DropOld = Annotated[
    bool, typer.Option("--drop-old", help="Let only the newest secret count; make none.")
]


def add(
    context: typer.Context,
    name: Name,
    *,
    kind: Kind,
    orgs: Orgs = None,
    tenants: Tenants = None,
    organization: Organization = None,
    options: Options = None,
    secret_files: SecretFiles = None,
    directory: Directory = None,
    directory_secret_file: DirectorySecret = "",
    directory_options: DirectoryOptions = None,
    directory_is_truth: IsTruth = None,
    as_json: AsJson = False,
) -> None:
    """Let an IAM in: says what to enter there, and its secret, which is shown once.

    For example:

        dispatcher connection add okta --kind okta --tenant acme.okta.com=acme
        dispatcher connection add login --kind zitadel --org '*' --secret-file - \
            --directory zitadel https://login.acme.example --directory-secret-file pat
    """
    from dispatcher.sources.fetching import is_fetched

    require_one_stdin(*(secret_files or ()), directory_secret_file)
    wish = DirectoryWish(
        directory,
        read_secret(directory_secret_file, "--directory-secret-file"),
        pairs(directory_options, "--directory-option", "K=V"),
        directory_is_truth,
    )
    connection = Connection(
        name,
        kind,
        organizations=frozenset(orgs or ()),
        tenants=pairs(tenants, "--tenant", "T=ORG"),
        organization=organization or "",
        secrets=read_secrets(secret_files),
        options=pairs(options, "--option", "K=V"),
        directory=wish.applied(None),
    )
    added = session(context).with_store(lambda store: store.connections.add(connection))
    if as_json:
        output.document(_secured(added))
        return
    if is_fetched(connection):
        output.note(output.good(f"{name} is set up: the workers fetch its events."))
        return
    output.note(output.good(f"{name} is set up. At the IAM, enter"))
    output.note(f"  the address  https://YOUR-HOST{address(name)}  (YOUR-HOST is your proxy's)")
    if added.secret:
        output.note("  the secret   as below: it is not shown again")
        output.line(added.secret)
    output.note(f"Step by step: docs/connect/{kind}.md. Then: dispatcher connection test {name}")


def change(
    context: typer.Context,
    name: Name,
    *,
    orgs: Orgs = None,
    no_orgs: Annotated[
        Without, typer.Option("--no-org", metavar="ORG", help="Does not speak for it any more.")
    ] = None,
    tenants: Tenants = None,
    no_tenants: Annotated[
        Without, typer.Option("--no-tenant", metavar="T", help="Takes a tenant away.")
    ] = None,
    organization: Organization = None,
    options: Options = None,
    no_options: Annotated[
        Without, typer.Option("--no-option", metavar="K", help="Takes an option away.")
    ] = None,
    directory: Directory = None,
    directory_secret_file: DirectorySecret = "",
    directory_options: DirectoryOptions = None,
    directory_is_truth: IsTruth = None,
    no_directory: Annotated[
        bool, typer.Option("--no-directory", help="Look users up nowhere.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Change a connection: what is given is added or replaced. It counts from the next call on.

    Secrets are changed by `rotate`.

    For example:

        dispatcher connection change login --tenant 300002=globex --no-tenant 300001
    """
    wish = DirectoryWish(
        directory,
        read_secret(directory_secret_file, "--directory-secret-file"),
        pairs(directory_options, "--directory-option", "K=V"),
        directory_is_truth,
    )
    if no_directory and wish != DirectoryWish():
        raise UsageError("give --no-directory, or what it shall be, not both")
    more_tenants = pairs(tenants, "--tenant", "T=ORG")
    more_options = pairs(options, "--option", "K=V")

    def changed(old: Connection) -> Connection:
        return replace(
            old,
            organizations=(old.organizations - frozenset(no_orgs or ())) | frozenset(orgs or ()),
            tenants={**_without(old.tenants, no_tenants), **more_tenants},
            organization=old.organization if organization is None else organization,
            options={**_without(old.options, no_options), **more_options},
            directory=None if no_directory else wish.applied(old.directory),
        )

    now = session(context).with_store(lambda store: store.connections.change(name, changed))
    if as_json:
        output.document(document(now))
    else:
        output.say(f"{name} is changed. `dispatcher connection test {name}` tries it.")


def rotate(
    context: typer.Context,
    name: Name,
    *,
    secret_file: Annotated[
        str,
        typer.Option(
            metavar="FILE", help="Where the IAM hands out the secret: a file, or - for stdin."
        ),
    ] = "",
    drop_old: DropOld = False,
    as_json: AsJson = False,
) -> None:
    """Replace a secret without a gap: add the new one, enter it at the IAM, drop the old ones.

    For example:

        dispatcher connection rotate okta
        dispatcher connection rotate okta --drop-old
    """
    here, secret = session(context), read_secret(secret_file, "--secret-file")
    if drop_old and secret:
        raise UsageError("add the new secret first, then --drop-old")
    if drop_old:
        left = here.with_store(lambda store: store.connections.drop_old(name))
        rotated = Secured(left)
    else:
        rotated = here.with_store(lambda store: store.connections.rotate(name, secret))
    if as_json:
        output.document(_secured(rotated))
        return
    if drop_old:
        output.say(f"Only the newest secret of {name} counts.")
        return
    count = len(rotated.connection.secrets)
    output.note(f"{count} secrets of {name} count now. Enter the new one at the IAM, then")
    output.note(f"  dispatcher connection rotate {name} --drop-old")
    if rotated.secret:
        output.line(rotated.secret)


def _secured(secured: Secured) -> dict[str, object]:
    return {"connection": document(secured.connection), "secret": secured.secret or None}


def _without(there: Mapping[str, str], names: Sequence[str] | None) -> Mapping[str, str]:
    return {name: value for name, value in there.items() if name not in (names or ())}
