"""``dispatcher text``: what organizations' mails say, in their own words."""

from collections.abc import Mapping, Sequence
from typing import Annotated

import typer

from dispatcher.cli import output, text_files
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.organization import Org, organization
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, session
from dispatcher.errors import LookNotFound
from dispatcher.look import Look
from dispatcher.look_wire import USUAL_KIND, texts_body
from dispatcher.texts import LARGEST

Language = Annotated[
    str, typer.Argument(metavar="LANGUAGE", help="The language of the texts: de, pt, zh.")
]
Kind = Annotated[str, typer.Option(metavar="KIND", help="The kind of mail.")]
OneKind = Annotated[str, typer.Option("--kind", metavar="KIND", help="Only that kind of mail.")]
OneLanguage = Annotated[
    str, typer.Argument(metavar="[LANGUAGE]", help="Only that language.", show_default=False)
]
Text = Annotated[str | None, typer.Option(metavar="TEXT", help='"" resets it.')]
File = Annotated[
    str | None,
    typer.Option(metavar="FILE", help="A TOML file with the texts by name; - for stdin."),
]
Folder = Annotated[str, typer.Argument(metavar="FOLDER", help="It holds ORG/KIND/LANGUAGE.toml.")]

app = typer.Typer(
    no_args_is_help=True,
    help="Say in an organization's own words what its mails say.\n\n"
    "What it leaves open, the templates say. Texts show values, {{ name }}, and have conditions, "
    '{% if change == "reset" %}…{% else %}…{% endif %}; `dispatcher text values` lists the values.',
)


@app.command("get")
def get(
    context: typer.Context,
    org: Org,
    language: OneLanguage = "",
    *,
    kind: OneKind = "",
    as_json: AsJson = False,
) -> None:
    """Show an organization's own texts.

    Ends with 1 when there are none.

    For example:

        dispatcher text get acme de
    """
    owner = organization(org)
    look = session(context).with_store(lambda store: _look(store, owner))
    found = [
        each
        for each in (texts_body(look) if look else ())
        if (not kind or each["kind"] == kind) and (not language or each["language"] == language)
    ]
    if as_json:
        output.document({"texts": found})
        raise typer.Exit(0 if found else ExitCode.NO)
    if not found:
        raise LookNotFound("the organization has no such texts of its own")
    for each in found:
        output.say(output.strong(f"{each.pop('kind')}, {each.pop('language')}"))
        for name, said in each.items():
            output.say(f"{name}: {said}")


@app.command("set")
def put(
    context: typer.Context,
    org: Org,
    language: Language,
    *,
    title: Text = None,
    pre_header: Text = None,
    subject: Text = None,
    greeting: Text = None,
    text: Text = None,
    button_text: Text = None,
    footer_text: Text = None,
    file: File = None,
    kind: Kind = USUAL_KIND,
    as_json: AsJson = False,
) -> None:
    """Change an organization's texts in a language; what is not given stays.

    A text that could not be rendered is refused, with the place.

    For example:

        dispatcher text set acme de --greeting "Guten Tag {{ name }},"
        dispatcher text set acme en --file texts.toml
    """
    owner = organization(org)
    given = (title, pre_header, subject, greeting, text, button_text, footer_text)
    named = zip(LARGEST, given, strict=True)
    change = {name: said for name, said in named if said is not None}
    if file is not None:
        if change:
            raise UsageError("give --file or texts, not both")
        change = dict(text_files.read(file))
    if not change:
        raise UsageError("nothing to set: give --subject, --text, --file or another option")
    changes = {(kind, language): change}
    written = session(context).with_store(lambda store: store.looks.reword(owner, changes))
    if as_json:
        effect = "changed" if written.changed else "unchanged"
        output.document({"effect": effect, "texts": texts_body(written.look)})
        return
    unchanged = "" if written.changed else " They were so already."
    output.say(f"The texts of {org} in {language} are set.{unchanged}")


@app.command("reset")
def reset(
    context: typer.Context,
    org: Org,
    language: OneLanguage = "",
    *,
    kind: OneKind = "",
    as_json: AsJson = False,
) -> None:
    """Give an organization's texts back to the templates: of one language, one kind, or all.

    Ends with 1 when there are none.

    For example:

        dispatcher text reset acme de
    """
    owner = organization(org)
    written = session(context).with_store(
        lambda store: store.looks.unword(owner, kind=kind, language=language)
    )
    if as_json:
        output.document({"effect": "removed", "texts": texts_body(written.look)})
    else:
        output.say(f"What {org} said there itself, the templates say again.")


@app.command("list")
def show_all(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List who has texts of its own, and which.

    For example:

        dispatcher text list
    """
    looks = session(context).with_store(_all)
    rows = [
        {"organization": look.org_id, "kind": kind, "language": language, "texts": list(wording)}
        for look in looks
        for (kind, language), wording in sorted(look.texts.items())
    ]
    if as_json:
        output.document({"texts": rows})
    elif not rows:
        output.say("No organization has texts of its own.")
    else:
        columns = ("organization", "kind", "language", "texts")
        output.table(columns, [_row(row, columns) for row in rows])


@app.command("values")
def show_values(context: typer.Context, *, as_json: AsJson = False) -> None:
    """List the kinds of mail, the values that their texts may show, and the languages.

    For example:

        dispatcher text values
    """
    kinds, languages = session(context).with_store(_vocabulary)
    if as_json:
        output.document({"kinds": kinds, "languages": languages})
        return
    output.table(("kind", "values"), [(kind, ", ".join(names)) for kind, names in kinds.items()])
    output.say(f"Languages: {', '.join(languages)}")


@app.command("load")
def load(
    context: typer.Context,
    folder: Folder,
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Only look whether they could be set.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Set the texts of a folder's files, each ORG/KIND/LANGUAGE.toml; a file is all of its texts.

    An organization's files are set all together or, where one of them cannot be used, not at all.
    What has no file stays as it is.

    For example:

        dispatcher text load texts --check
    """
    wanted = text_files.read_folder(folder)
    here = session(context)
    effects = here.with_store(lambda store: text_files.load(store, wanted, only_check=check))
    if as_json:
        output.document({"organizations": effects})
    else:
        output.table(("organization", "texts", "detail"), text_files.rows(effects))
    if any(each["effect"] == "refused" for each in effects):
        raise typer.Exit(ExitCode.NO)


async def _look(store: OpenStore, org_id: str) -> Look | None:
    try:
        return await store.looks.get(org_id)
    except LookNotFound:
        return None


async def _all(store: OpenStore) -> Sequence[Look]:
    found = [await _look(store, org) for org in await store.looks.organizations()]
    return [look for look in found if look is not None and look.texts]


async def _vocabulary(store: OpenStore) -> tuple[Mapping[str, Sequence[str]], Sequence[str]]:
    kinds = {kind: sorted(names) for kind, names in sorted(store.looks.kinds.items())}
    return kinds, sorted(store.looks.languages)


def _row(row: Mapping[str, object], columns: Sequence[str]) -> Sequence[str]:
    found = (row[column] for column in columns)
    return [", ".join(each) if isinstance(each, list) else str(each) for each in found]
