"""``dispatcher branding``: what organizations' mails look like, and which details they tell."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from dispatcher.branding import DETAILS, Branding, BrandingChange
from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.organization import Org, organization, say_fields
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, session
from dispatcher.errors import LookNotFound
from dispatcher.look import Look
from dispatcher.look_wire import branding_body, change_body

Name = Annotated[
    str | None, typer.Option(metavar="NAME", help='What its mails call it; "" resets it.')
]
Language = Annotated[
    str | None,
    typer.Option(metavar="TAG", help='For readers whose language is unknown; "" resets it.'),
]
Primary = Annotated[
    str | None,
    typer.Option(metavar="COLOUR", help='Of what stands out: "#0b5cad"; "" resets it.'),
]
Background = Annotated[
    str | None, typer.Option(metavar="COLOUR", help='Of what all stands on; "" resets it.')
]
Font = Annotated[str | None, typer.Option(metavar="COLOUR", help='Of text; "" resets it.')]
Footer = Annotated[
    str | None,
    typer.Option(metavar="TEXT", help='Below everything, such as an imprint; "" resets it.'),
]
LogoFile = Annotated[
    str | None,
    typer.Option("--logo", metavar="FILE", help='A PNG or JPEG of 32 KiB at most; "" resets it.'),
]
Ip = Annotated[bool | None, typer.Option("--ip/--no-ip", help="Whether mails tell the IP address.")]
Place = Annotated[
    bool | None, typer.Option("--place/--no-place", help="Whether mails tell the place.")
]
Device = Annotated[
    bool | None, typer.Option("--device/--no-device", help="Whether mails tell the device.")
]

app = typer.Typer(
    no_args_is_help=True,
    help="Say what an organization's mails look like, and which details they tell.\n\n"
    "What is left open looks as the templates have it.",
)


@app.command("get")
def get(context: typer.Context, org: Org, *, as_json: AsJson = False) -> None:
    """Show an organization's branding.

    Ends with 1 when it has none.

    For example:

        dispatcher branding get acme
    """
    owner, here = organization(org), session(context)
    look = here.with_store(lambda store: _branded(store, owner))
    if look is None:
        if not as_json:
            raise LookNotFound("the organization has no branding of its own")
        output.document({"branding": None})
        raise typer.Exit(ExitCode.NO)
    if as_json:
        output.document({"branding": branding_body(look.branding), **change_body(look)})
        return
    say_fields(_said(look.branding), look, here.now())


@app.command("set")
def put(
    context: typer.Context,
    org: Org,
    *,
    name: Name = None,
    language: Language = None,
    primary: Primary = None,
    background: Background = None,
    font: Font = None,
    footer: Footer = None,
    logo: LogoFile = None,
    ip: Ip = None,
    place: Place = None,
    device: Device = None,
    as_json: AsJson = False,
) -> None:
    """Change an organization's branding; what is not given stays. It counts from the next event on.

    Colours that people could not read on each other are refused.

    For example:

        dispatcher branding set acme --name "Acme" --logo acme.png --primary "#0b5cad"
        dispatcher branding set acme --no-ip --no-place
    """
    owner = organization(org)
    image = _file(logo)
    colours = primary, background, font
    change = BrandingChange(name, language, *colours, footer, image, ip, place, device)
    if change == BrandingChange():
        raise UsageError("nothing to set: give --name, --logo, --primary or another option")
    written = session(context).with_store(lambda store: store.looks.brand(owner, change))
    if as_json:
        effect = "changed" if written.changed else "unchanged"
        body = {"branding": branding_body(written.look.branding), **change_body(written.look)}
        output.document({"effect": effect, **body})
        return
    unchanged = "" if written.changed else " It was so already."
    output.say(f"The branding of {org} is set.{unchanged}")


@app.command("reset")
def reset(context: typer.Context, org: Org, *, as_json: AsJson = False) -> None:
    """Remove an organization's branding, so that its mails look like the instance's.

    Ends with 1 when it has none.

    For example:

        dispatcher branding reset acme
    """
    owner = organization(org)
    written = session(context).with_store(lambda store: store.looks.unbrand(owner))
    if as_json:
        output.document({"effect": "removed", **change_body(written.look)})
    else:
        output.say(f"{org} has no branding of its own any more.")


@app.command("list")
def show_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the organizations that have a branding of their own.

    For example:

        dispatcher branding list
    """
    looks = session(context).with_store(_all)
    if as_json:
        rows = [{"organization": each.org_id, **branding_body(each.branding)} for each in looks]
        output.document({"brandings": rows})
    elif not looks:
        output.say("No organization has a branding of its own.")
    else:
        said = [(look.org_id, dict(_said(look.branding))) for look in looks]
        columns = ("name", "logo", "colours", "tells")
        rows_of = [(org, *(each[column] for column in columns)) for org, each in said]
        output.table(("organization", *columns), rows_of)


async def _branded(store: OpenStore, org_id: str) -> Look | None:
    try:
        look = await store.looks.get(org_id)
    except LookNotFound:
        return None
    return look if look.branding != Branding() else None


async def _all(store: OpenStore) -> Sequence[Look]:
    found = [await _branded(store, org) for org in await store.looks.organizations()]
    return [look for look in found if look is not None]


def _said(branding: Branding) -> Iterator[tuple[str, str]]:
    logo = branding.logo
    colours = {
        "primary": branding.primary,
        "background": branding.background,
        "font": branding.font,
    }
    chosen = [f"{role} {colour}" for role, colour in colours.items() if colour]
    yield "name", branding.name or "the instance's"
    yield "language", branding.language or "the instance's"
    yield "logo", f"{logo.media_type}, {logo.width} by {logo.height}" if logo else "none"
    yield "colours", ", ".join(chosen) or "the templates'"
    yield "footer", branding.footer or "none"
    yield "tells", ", ".join(each for each in DETAILS if getattr(branding, each)) or "no details"


def _file(path: str | None) -> bytes | None:
    if not path:
        return None if path is None else b""
    try:
        with Path(path).open("rb") as file:
            return file.read(1_000_000)  # more than any logo may have
    except OSError as error:
        raise UsageError(f"--logo: cannot read {path}: {error.strerror}") from error
