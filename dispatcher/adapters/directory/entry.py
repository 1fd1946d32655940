"""What directories know of users, and how one is asked."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from dispatcher.connection import DirectoryAccess


@dataclass(frozen=True, slots=True)
class Entry:
    """What a directory says of a user.

    Args:
        address: Where mail reaches them; None where it knows none, or what cannot be one.
        is_verified: Whether the address is known to be theirs; None where it does not say.
        name: What to call them.
        locale: Their language, BCP 47.
        is_active: Whether they may sign in at all; who is only locked out may.
        is_person: Whether it is a person, and no machine.
    """

    address: str | None = None
    is_verified: bool | None = None
    name: str | None = None
    locale: str | None = None
    is_active: bool = True
    is_person: bool = True


@dataclass(frozen=True, slots=True)
class Question:
    """What a directory is asked over HTTP.

    Args:
        path: Behind its base, with its query, escaped.
        headers: Beside the usual.
        body: What is posted; None gets.
    """

    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What it answered: 200 and the like, or a refusal of this very question.

    Args:
        status: HTTP's.
        document: Its JSON object; empty where a refusal has none.
    """

    status: int
    document: Mapping[str, Any]


Ask = Callable[[Question], Awaitable[Answer]]
"""Asks; raises :class:`~dispatcher.errors.DirectoryError` where another time may do better."""


class Kind(ABC):
    """One kind of directory, opened: who has that id?

    Args:
        access: Where it is, and what opens it.
        ask: Asks it.
    """

    kind: ClassVar[str]
    """Its name in ``dispatcher connection add --directory``."""

    title: ClassVar[str]
    """Its name for people."""

    options: ClassVar[Mapping[str, str]] = {}
    """The options that it may have: name → what it says, in one line."""

    takes_unverified: ClassVar[bool] = True
    """Whether mail goes to addresses that it knows to be unverified, unless an option says."""

    def __init__(self, access: DirectoryAccess, ask: Ask) -> None:
        self.access = access
        self.ask = ask

    @classmethod
    def mistakes(cls, access: DirectoryAccess) -> Sequence[str]:
        """Return what is wrong with its options."""
        del access
        return ()

    async def close(self) -> None:  # noqa: B027 - most have nothing under way of their own
        """Ask nothing any more."""

    @abstractmethod
    async def find(self, tenant: str, user_id: str) -> Entry | None:
        """Return what it says of a user; None where the tenant has none of that id.

        Args:
            tenant: The source's name for whose the user is; "" where it names none.
            user_id: The source's id for the user.

        Raises:
            DirectoryError: That cannot be learnt now.
        """
