"""What a connection is made of, as the command line takes it: pairs, files with secrets."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final

import typer

from dispatcher.cli.failures import UsageError
from dispatcher.connection import DirectoryAccess

STDIN: Final = "-"

Name = Annotated[
    str, typer.Argument(metavar="NAME", help="The connection's name: a-z, 0-9 and hyphens.")
]
Orgs = Annotated[
    list[str] | None,
    typer.Option("--org", metavar="ORG", help="May speak for it under its own id; * for all."),
]
Tenants = Annotated[
    list[str] | None,
    typer.Option("--tenant", metavar="T=ORG", help="The IAM's tenant T is that organization."),
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", metavar="K=V", help="As `dispatcher connection kinds` lists them."),
]
SecretFiles = Annotated[
    list[str] | None,
    typer.Option(
        "--secret-file",
        metavar="FILE",
        help="A file with what proves calls, or - for stdin; the newest first.",
    ),
]
Directory = Annotated[
    tuple[str, str] | None,
    typer.Option("--directory", metavar="KIND URL", help="Where users are looked up."),
]
DirectorySecret = Annotated[
    str,
    typer.Option(
        "--directory-secret-file",
        metavar="FILE",
        help="A file with what opens the directory, or - for stdin.",
    ),
]
DirectoryOptions = Annotated[
    list[str] | None,
    typer.Option("--directory-option", metavar="K=V", help="What that kind of directory needs."),
]
IsTruth = Annotated[
    bool | None,
    typer.Option(
        "--directory-is-truth/--directory-is-fallback",
        help="Ask it even where the event names an address.",
    ),
]


@dataclass(frozen=True, slots=True)
class DirectoryWish:
    """What the command line says of a directory.

    Args:
        place: Its kind and URL, or None.
        secret: What opens it, or "".
        options: What is set.
        is_truth: Whether it is, or None.
    """

    place: tuple[str, str] | None = None
    secret: str = field(default="", repr=False)
    options: Mapping[str, str] = field(default_factory=dict)
    is_truth: bool | None = None

    def applied(self, old: DirectoryAccess | None) -> DirectoryAccess | None:
        """Return the directory that is wanted in place of the old one.

        Raises:
            UsageError: Something is said of a directory that there is not.
        """
        if self == DirectoryWish():
            return old
        before = old if self.place is None else _at(*self.place, old)
        if before is None:
            raise UsageError("name the directory: --directory KIND URL")
        return DirectoryAccess(
            before.kind,
            before.url,
            self.secret or before.secret,
            {**before.options, **self.options},
            is_truth=before.is_truth if self.is_truth is None else self.is_truth,
        )


def _at(kind: str, url: str, old: DirectoryAccess | None) -> DirectoryAccess:
    """Return the directory there; a secret never goes to another place than it was given for."""
    if old is not None and (kind, url) == (old.kind, old.url):
        return old
    return DirectoryAccess(kind, url)


def pairs(texts: Sequence[str] | None, option: str, form: str) -> Mapping[str, str]:
    """Return what is said as NAME=VALUE; a value holds no ``=`` if it is an organization's id.

    Raises:
        UsageError: Something is no such pair, or a name is said twice.
    """
    found: dict[str, str] = {}
    for text in texts or ():
        split = text.rpartition if form.endswith("=ORG") else text.partition
        name, mark, value = split("=")
        if not (name and mark and value):
            raise UsageError(f"{option}: expected {form}, such as {_EXAMPLES[form]}")
        if name in found:
            raise UsageError(f"{option}: {name} is said twice")
        found[name] = value
    return found


def read_secrets(files: Sequence[str] | None) -> tuple[str, ...]:
    """Return the secrets of some files, in their order.

    Raises:
        UsageError: One cannot be read, or is empty.
    """
    return tuple(read_secret(file, "--secret-file") for file in files or ())


def read_secret(file: str, option: str) -> str:
    """Return a file's secret, without white space around it; "" where no file is named.

    Raises:
        UsageError: It cannot be read, or is empty.
    """
    if not file:
        return ""
    try:
        text = sys.stdin.read() if file == STDIN else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{option}: cannot read {file}: {error}") from error
    if not text.strip():
        raise UsageError(f"{option}: there is no secret in {file}")
    return text.strip()


def require_one_stdin(*files: str) -> None:
    """Let at most one secret be read from stdin.

    Raises:
        UsageError: There are more.
    """
    if files.count(STDIN) > 1:
        raise UsageError("only one secret can be read from stdin")


_EXAMPLES: Final = {"T=ORG": "300001=acme", "K=V": "issuer=https://login.acme.example"}
