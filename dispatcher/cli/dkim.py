"""``dispatcher dkim``: make the keys that sign mails, and show what DNS has to say of them."""

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from dispatcher.cli import output
from dispatcher.cli.failures import ExitCode, UsageError
from dispatcher.cli.output import AsJson

app = typer.Typer(
    no_args_is_help=True,
    help="Make the keys that mails are signed with (DKIM), and show what to publish of them.",
)


class Algorithm(StrEnum):
    """What kind of key."""

    RSA = "rsa"
    ED25519 = "ed25519"


class _Record(NamedTuple):
    """What DNS has to say of a key."""

    name: str
    text: str


Domain = Annotated[str, typer.Argument(help="The domain of DISPATCHER_MAIL_FROM.")]
Selector = Annotated[str, typer.Option(help="The key's name in DNS; a new key needs a new one.")]
Kind = Annotated[
    Algorithm,
    typer.Option("--type", help="rsa: everybody verifies it; ed25519: quicker, as a second key."),
]
Out = Annotated[
    str, typer.Option(metavar="FILE", help="Where to put the key; by default SELECTOR.DOMAIN.pem.")
]


@app.command("create")
def create(
    domain: Domain,
    *,
    selector: Selector = "nd1",
    kind: Kind = Algorithm.RSA,
    out: Out = "",
    as_json: AsJson = False,
) -> None:
    """Make a key, put it into a file that you alone can read, and print the record to publish.

    Publish the record first, then name the key in DISPATCHER_DKIM_KEYS and restart the workers.

    For example:

        dispatcher dkim create acme.example --selector nd1
    """
    from dispatcher.adapters.mail import dkim_keys

    if not dkim_keys.is_name(domain) or not dkim_keys.is_name(selector):
        raise UsageError("expected a domain and a selector of letters, digits, dots and hyphens")
    domain, selector = domain.lower(), selector.lower()
    key, path = dkim_keys.new_key(kind.value), Path(out or f"{selector}.{domain}.pem")
    dkim_keys.write_key(key, path)
    record = _Record(dkim_keys.record_name(domain, selector), dkim_keys.record(key))
    setting = f"{domain}:{selector}={path.absolute()}"
    if as_json:
        output.document({"file": str(path), "setting": setting, **_document(record)})
        return
    output.say(f"The key is in {path}. Publish this record:")
    _show([record])
    output.say("Once `dispatcher doctor` finds it, sign with it:")
    output.line(f"DISPATCHER_DKIM_KEYS={setting}")


@app.command("show")
def show(*, as_json: AsJson = False) -> None:
    """Print the records of the keys in DISPATCHER_DKIM_KEYS, as lines of a zone file.

    Ends with 1 when there is none.

    For example:

        dispatcher dkim show
    """
    from dispatcher.adapters.mail.dkim_keys import DkimKeys
    from dispatcher.settings import load_settings

    keys = DkimKeys.read(load_settings().dkim_keys).keys
    records = [_Record(key.name, key.record) for key in keys]
    if as_json:
        output.document({"records": [_document(record) for record in records]})
    else:
        _show(records)
    if not records:
        raise typer.Exit(ExitCode.NO)


def _document(record: _Record) -> dict[str, str]:
    return {"name": record.name, "record": record.text}


def _show(records: Iterable[_Record]) -> None:
    from dispatcher.adapters.mail.dkim_keys import zone_line

    for record in records:
        output.line(zone_line(record.name, record.text))
