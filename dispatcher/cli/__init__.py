"""The command line, ``dispatcher``: run it, feed it, ask it, mend it."""

from typing import Annotated

import typer

from dispatcher import __version__
from dispatcher.cli import (
    api,
    bounce,
    branding,
    connection,
    dead,
    deliveries,
    demo,
    dkim,
    doctor,
    health,
    key,
    output,
    policy,
    preview,
    render,
    send,
    sender,
    stats,
    suppress,
    text,
    token,
    up,
    why,
    worker,
)
from dispatcher.cli.failures import Commands
from dispatcher.cli.session import Installation

app = typer.Typer(
    name="dispatcher",
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: **0** done; **1** the answer is no: not found, nothing to do, a check "
    "failed; **2** the command line, its input or the settings are wrong; **3** the store or the "
    "broker does not answer; **130** Ctrl-C.",
)

_RUN, _ASK, _CHANGE = "Run it", "Ask it", "Feed and mend it"

app.command("up", rich_help_panel=_RUN)(up.command)
app.command("demo", rich_help_panel=_RUN)(demo.command)
app.command("worker", rich_help_panel=_RUN)(worker.command)
app.command("api", rich_help_panel=_RUN)(api.command)
app.command("preview", rich_help_panel=_RUN)(preview.command)
app.command("render", rich_help_panel=_RUN)(render.command)
app.command("why", rich_help_panel=_ASK)(why.command)
app.command("deliveries", rich_help_panel=_ASK)(deliveries.command)
app.command("stats", rich_help_panel=_ASK)(stats.command)
app.command("doctor", rich_help_panel=_ASK)(doctor.command)
app.command("health", rich_help_panel=_ASK)(health.command)
app.command("send", rich_help_panel=_CHANGE)(send.command)
app.add_typer(policy.app, name="policy", rich_help_panel=_CHANGE)
app.add_typer(sender.app, name="sender", rich_help_panel=_CHANGE)
app.add_typer(branding.app, name="branding", rich_help_panel=_CHANGE)
app.add_typer(text.app, name="text", rich_help_panel=_CHANGE)
app.add_typer(connection.app, name="connection", rich_help_panel=_CHANGE)
app.add_typer(token.app, name="token", rich_help_panel=_CHANGE)
app.add_typer(key.app, name="key", rich_help_panel=_CHANGE)
app.add_typer(dkim.app, name="dkim", rich_help_panel=_CHANGE)
app.add_typer(dead.app, name="dead", rich_help_panel=_CHANGE)
app.add_typer(suppress.app, name="suppress", rich_help_panel=_CHANGE)
app.command("bounce", rich_help_panel=_CHANGE)(bounce.command)


def main() -> None:
    """Run the command line."""
    app()


def _print_version(*, wanted: bool) -> None:
    if wanted:
        output.say(f"dispatcher {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    *,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Tells people that their password changed, when their organization wants it.

    Start with `dispatcher demo`: it shows the whole of it in half a minute. Then `dispatcher up`
    keeps it running on one machine, and `dispatcher send` gives it an event. Settings are
    variables `DISPATCHER_…`; `dispatcher doctor` checks them and what they point to.
    """
    del version
    context.obj = context.obj or Installation()
