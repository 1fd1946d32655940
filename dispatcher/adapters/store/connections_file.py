"""The connections of a settings file: TOML, one table ``[[connection]]`` each; secrets in files.

::

    [[connection]]
    name = "zitadel"
    kind = "zitadel"
    organizations = ["*"]
    secret_file = "zitadel.key"
"""

import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from dispatcher.connection import Connection, DirectoryAccess
from dispatcher.errors import ConfigError

_EXPECTED: Final = {
    "missing": "is required",
    "extra_forbidden": "there is no such field",
    "string_type": "expected a string",
    "list_type": "expected a list",
    "dict_type": "expected a table",
    "bool_type": "expected true or false",
}
_SETTING: Final = "DISPATCHER_CONNECTIONS_FILE"
_LARGEST_SECRET: Final = 65_536


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, hide_input_in_errors=True)


class _Directory(_Table):
    kind: str
    url: str
    secret_file: str = ""
    options: dict[str, str] = Field(default_factory=dict)
    is_truth: bool = False


class _Connection(_Table):
    name: str
    kind: str
    organizations: list[str] = Field(default_factory=list)
    tenants: dict[str, str] = Field(default_factory=dict)
    organization: str = ""
    secret_file: str = ""
    secrets_files: list[str] = Field(default_factory=list)
    options: dict[str, str] = Field(default_factory=dict)
    directory: _Directory | None = None


Stamp = tuple[int, int, int] | None
"""What changes when a file does; None where there is none."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file says.

    Args:
        seen: All files that were read for it, and what they looked like before.
        connections: Its connections, by their names.
        mistakes: What is wrong with it, all of it; then it has no connections.
    """

    seen: Mapping[Path, Stamp]
    connections: Mapping[str, Connection] = field(default_factory=dict)
    mistakes: Sequence[str] = ()

    def is_current(self) -> bool:
        """Tell whether none of its files changed."""
        return all(_stamp(file) == stamp for file, stamp in self.seen.items())

    def require(self) -> Mapping[str, Connection]:
        """Return the connections.

        Raises:
            ConfigError: There are mistakes; the text names every one.
        """
        if self.mistakes:
            raise ConfigError("\n".join(f"{_SETTING}: {each}" for each in self.mistakes))
        return self.connections


def read(path: Path, mistakes: Callable[[Connection], Sequence[str]]) -> Contents:
    """Return what a file says.

    Args:
        path: The file; what it names is relative to its folder.
        mistakes: Returns what is wrong with a connection.
    """
    reader = _Reader(path.parent, mistakes)
    found = reader.read(path)
    if reader.mistakes:
        return Contents(reader.seen, mistakes=reader.mistakes)
    return Contents(reader.seen, {each.name: each for each in found})


class _Reader:
    def __init__(self, folder: Path, check: Callable[[Connection], Sequence[str]]) -> None:
        self._folder = folder
        self._check = check
        self.mistakes: list[str] = []
        self.seen: dict[Path, Stamp] = {}

    def read(self, path: Path) -> Sequence[Connection]:
        self.seen[path] = _stamp(path)
        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            self.mistakes.append(f"cannot be read: {error.strerror}")
        except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            self.mistakes.append(f"is no TOML in UTF-8: {error}")
        else:
            return self._all(tables)
        return []

    def _all(self, tables: Mapping[str, Any]) -> Sequence[Connection]:
        for name in sorted(tables.keys() - {"connection"}):
            self.mistakes.append(f"{name}: there is no such table, expected [[connection]]")
        listed = tables.get("connection", [])
        if not isinstance(listed, list):
            self.mistakes.append("connection: expected tables [[connection]]")
            return []
        found = [
            each for number, table in enumerate(listed, 1) for each in self._one(number, table)
        ]
        for name, times in Counter(each.name for each in found).items():
            if times > 1:
                self.mistakes.append(f"connection {name}: there are {times} of that name")
        return found

    def _one(self, number: int, table: object) -> Iterator[Connection]:
        named = table.get("name") if isinstance(table, Mapping) else None
        where = f"connection {named if isinstance(named, str) else number}"
        try:
            written = _Connection.model_validate(table)
        except ValidationError as error:
            self.mistakes.extend(f"{where}: {each}" for each in _reasons(error))
            return
        before = len(self.mistakes)
        connection = self._connection(where, written)
        if len(self.mistakes) == before:
            self.mistakes.extend(f"{where}: {each}" for each in self._check(connection))
        yield connection

    def _connection(self, where: str, written: _Connection) -> Connection:
        if written.secret_file and written.secrets_files:
            self.mistakes.append(f"{where}: expected secret_file or secrets_files, not both")
        files = [written.secret_file] if written.secret_file else written.secrets_files
        return Connection(
            name=written.name,
            kind=written.kind,
            organizations=frozenset(written.organizations),
            tenants=written.tenants,
            organization=written.organization,
            secrets=tuple(self._secret(where, file) for file in files),
            options=written.options,
            directory=self._directory(where, written.directory),
            is_fixed=True,
        )

    def _directory(self, where: str, written: _Directory | None) -> DirectoryAccess | None:
        if written is None:
            return None
        file = written.secret_file
        secret = self._secret(f"{where}: directory", file) if file else ""
        return DirectoryAccess(
            written.kind, written.url, secret, written.options, is_truth=written.is_truth
        )

    def _secret(self, where: str, file: str) -> str:
        path = self._folder / file
        self.seen[path] = _stamp(path)
        try:
            with path.open(encoding="utf-8") as opened:
                return opened.read(_LARGEST_SECRET).strip()
        except OSError as error:
            self.mistakes.append(f"{where}: cannot read {path}: {error.strerror}")
        except UnicodeDecodeError:
            self.mistakes.append(f"{where}: {path} is no text in UTF-8")
        return ""


def _reasons(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        field_name = ".".join(map(str, item["loc"])) or "the table"
        yield f"{field_name}: {_EXPECTED.get(item['type'], item['msg'])}"


def _stamp(file: Path) -> Stamp:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
