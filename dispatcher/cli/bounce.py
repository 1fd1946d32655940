"""``dispatcher bounce``: read mails that came back."""

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from dispatcher.adapters.mail.bounce_folders import Folder, Maildir, open_mbox
from dispatcher.adapters.mail.bounce_parser import LARGEST, read_report
from dispatcher.bounces import Bounces, Finding, Verdict
from dispatcher.cli import output
from dispatcher.cli.failures import UsageError
from dispatcher.cli.output import AsJson
from dispatcher.cli.session import OpenStore, Session, session
from dispatcher.errors import DispatcherError

_TRY_AGAIN: Final = 75
"""EX_TEMPFAIL of sysexits.h: the mail system keeps the report and brings it again."""

_CHUNK: Final = 2**16

_WORDS: Final = {
    Finding.SUPPRESSED: "gets no more mail: there is no such mailbox",
    Finding.KNOWN: "got no mail already",
    Finding.TEMPORARY: "still gets mail: the trouble is temporary",
    Finding.OTHER_REASON: "still gets mail: it is not the mailbox that is wrong",
    Finding.DELIVERED: "got the mail",
    Finding.COMPLAINT: "still gets mail, though somebody called it spam: look into it",
    Finding.UNPROVEN: "ignored: it bears no postmark of ours, so anybody may have written it",
    Finding.OTHER_RECIPIENT: "ignored: it is about an address that the mail was not sent to",
    Finding.AUTOMATIC_REPLY: "ignored: an automatic reply",
    Finding.NO_REPORT: "ignored: no report that a program can read",
    Finding.TOO_LARGE: f"ignored: larger than {LARGEST >> 20} MiB",
    Finding.UNREADABLE: "ignored: it cannot be read",
}


def command(
    context: typer.Context,
    *,
    maildir: Annotated[
        Path | None, typer.Option(help="Read what is new in a Maildir, and mark it as seen.")
    ] = None,
    mbox: Annotated[
        Path | None, typer.Option(help="Read what is new in an mbox file, and mark it as seen.")
    ] = None,
    recipient: Annotated[
        str, typer.Option(help="The address that the mail came back to, where it tells it not.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Read mails that came back; what does not exist gets no more mail.

    Without an option it reads one mail from standard input, as a mail system pipes it, and ends
    with 75 where that shall be tried again. Only reports that bear our postmark are believed.

    For example:

        bounces: "|dispatcher bounce"        (a line of /etc/aliases)

        dispatcher bounce --maildir /var/mail/bounces
    """
    if maildir and mbox:
        raise UsageError("expected --maildir or --mbox, not both")
    here = session(context)
    if not (maildir or mbox):
        _piped(here, recipient, as_json=as_json)
        return
    with _folder(maildir, mbox) as folder, output.progress("Reading", quiet=as_json) as bar:
        task = bar.add_task("", total=len(folder))

        def mails() -> Iterator[bytes]:
            for raw in folder:
                yield raw
                bar.advance(task)

        verdicts = _judged(here, mails(), recipient)
    _report(verdicts, as_json=as_json)


def _piped(here: Session, recipient: str, *, as_json: bool) -> None:
    stdin = typer.get_binary_stream("stdin")
    if stdin.isatty():
        raise UsageError("expected a mail on standard input, or --maildir, or --mbox")
    raw = stdin.read(LARGEST + 1)
    while stdin.read(_CHUNK):
        pass  # a mail system that cannot write all of it would call us broken
    try:
        verdicts = _judged(here, [raw], recipient)
    except DispatcherError as error:
        output.note(output.bad(f"try again later: {error}"))
        raise typer.Exit(_TRY_AGAIN) from error
    _report(verdicts, as_json=as_json)


def _judged(here: Session, mails: Iterable[bytes], recipient: str) -> list[Verdict]:
    async def judge(store: OpenStore) -> list[Verdict]:
        bounces = Bounces(store.suppressions, store.ledger)
        verdicts: list[Verdict] = []
        for raw in mails:
            verdicts += await bounces.judge(read_report(raw, recipient=recipient))
        return verdicts

    return here.with_store(judge)


@contextmanager
def _folder(maildir: Path | None, mbox: Path | None) -> Iterator[Folder]:
    if maildir:
        yield Maildir(maildir)
    elif mbox:
        with open_mbox(mbox) as folder:
            yield folder


def _report(verdicts: list[Verdict], *, as_json: bool) -> None:
    counts = Counter(verdict.finding for verdict in verdicts)
    if as_json:
        output.document(
            {
                "counts": {finding.value: counts[finding] for finding in Finding},
                "verdicts": [_wire(verdict) for verdict in verdicts],
            }
        )
        return
    for verdict in verdicts:
        output.line(_line(verdict))
    if len(verdicts) != 1:
        told = ", ".join(f"{count} {finding}" for finding, count in counts.most_common())
        output.line(f"{len(verdicts)} read{f': {told}' if told else ''}.")


def _line(verdict: Verdict) -> str:
    whom = f"address {verdict.recipient} of {verdict.org_id} " if verdict.recipient else ""
    known = (verdict.status, f"event {verdict.event_id}" if verdict.event_id else "")
    more = ", ".join(filter(None, known))
    return f"{verdict.finding}: {whom}{_WORDS[verdict.finding]}{f' ({more})' if more else ''}"


def _wire(verdict: Verdict) -> dict[str, Any]:
    return {
        "finding": verdict.finding.value,
        "status": verdict.status or None,
        "org_id": verdict.org_id or None,
        "recipient_fingerprint": verdict.recipient or None,
        "event_id": verdict.event_id or None,
    }
