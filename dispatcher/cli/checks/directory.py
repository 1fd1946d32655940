"""A connection's directory: does it answer, does it let us in, and what does it say of a user?"""

from typing import Final

from dispatcher.adapters.directory.desk import Desk
from dispatcher.adapters.directory.entry import Entry
from dispatcher.adapters.directory.kinds import KINDS, mistakes, takes_unverified
from dispatcher.adapters.directory.wire import Wire
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.connection import ANY, Connection, DirectoryAccess
from dispatcher.errors import DirectoryError, DirectoryRefused, DirectoryThrottled
from dispatcher.sources.hook import SAMPLE_USER

_SUBJECT: Final = "directory"


async def check_directory(
    connection: Connection, user_id: str = "", tenant: str = ""
) -> list[Finding]:
    """Return how it is with a connection's directory, without naming an address in full.

    Args:
        connection: The connection; it may be as it is.
        user_id: Whom to look up; "" asks for nobody, which shows that it answers.
        tenant: Whose user it is; "" takes the connection's first.
    """
    access = connection.directory
    if access is None:
        return [_none(connection)] if user_id else []
    if mistakes(access):
        return []  # told of the connection already
    whose = tenant or _tenant(connection)
    line = Wire()
    try:
        directory = KINDS[access.kind](access, Desk(line.send, access.url, lambda _: None).ask)
        entry = await directory.find(whose, user_id or str(SAMPLE_USER.id))
    except DirectoryError as error:
        return [Finding(Health.FAIL, _SUBJECT, f"{access.url}: {error}", _mend(error, connection))]
    finally:
        await line.close()
    if not user_id:
        return [_answers(access, connection)]
    return [Finding(Health.OK, _SUBJECT, f"{access.url} lets us in"), _user(entry, access, whose)]


def masked(address: str) -> str:
    """Return an address so that its owner would know it, and nobody else."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _tenant(connection: Connection) -> str:
    return next(iter(sorted({*connection.tenants, *connection.organizations} - {ANY})), "")


def _none(connection: Connection) -> Finding:
    mend = f"`dispatcher connection change {connection.name} --directory KIND URL` …"
    return Finding(Health.FAIL, _SUBJECT, "there is none to look the user up in", mend)


def _answers(access: DirectoryAccess, connection: Connection) -> Finding:
    said = f"{access.url} answers; that it may tell of users shows only with one"
    mend = f"`dispatcher connection test {connection.name} --user ID`"
    return Finding(Health.OK, _SUBJECT, f"{said}: {mend}")


def _mend(error: DirectoryError, connection: Connection) -> str:
    change = f"`dispatcher connection change {connection.name} --directory-secret-file FILE`"
    match error:
        case DirectoryRefused():
            return f"give it a secret that counts, with the right to read users: {change}"
        case DirectoryThrottled():
            return "wait, or let it bear more questions"
        case _:
            return "is its URL right, and can this machine reach it?"


def _user(entry: Entry | None, access: DirectoryAccess, tenant: str) -> Finding:
    if entry is None:
        of = f" of {tenant}" if tenant else ""
        mend = "is it the id that the IAM's events name, and its tenant (--tenant)?"
        return Finding(Health.FAIL, "user", f"it knows no such user{of}", mend)
    for is_so, said, mend in _reasons(entry, access):
        if is_so:
            return Finding(Health.WARN, "user", f"gets no mail: {said}", mend)
    about = f"{entry.name or 'without a name'}, language {entry.locale or 'unknown'}"
    is_doubtful = ", not verified" if entry.is_verified is False else ""
    return Finding(Health.OK, "user", f"{masked(entry.address or '')}{is_doubtful}; {about}")


def _reasons(entry: Entry, access: DirectoryAccess) -> tuple[tuple[bool, str, str], ...]:
    """Return what may keep mail from a user: whether it does, what it is, and what would help."""
    is_doubtful = entry.is_verified is False and not takes_unverified(access)
    return (
        (not entry.is_person, "it is a machine", "ask for a person"),
        (not entry.is_active, "it is not active", "as it should be"),
        (entry.address is None, "it has no address", "enter one at the IAM"),
        (is_doubtful, "the address is not verified", "--directory-option unverified=send"),
    )
