"""What the API's reference says of each route: its bodies, its answers, its headers."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

_Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
_Sequence = Annotated[
    str, Field(pattern=r"^\d+$", description="A number, as protobuf's JSON has it.")
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="allow")


class ErrorDetail(_Body):
    """More about an error."""

    type: str = Field(alias="@type")
    id: str = Field(description="The error's very case.")
    message: str


class Error(_Body):
    """The body of every answer that is not a success."""

    code: int = Field(ge=1, le=16, description="gRPC's status code.")
    message: str
    details: list[ErrorDetail] = []


class ObjectDetails(_Body):
    """A change: its place among the changes of its owner, and when."""

    sequence: _Sequence
    creationDate: _Time | None = None  # noqa: N815 - the wire's name
    changeDate: _Time | None = None  # noqa: N815 - the wire's name
    resourceOwner: str  # noqa: N815 - the wire's name


class Changed(_Body):
    """The body of a change that was made."""

    details: ObjectDetails


class NotificationPolicy(_Body):
    """An organization's policy, or the default."""

    details: ObjectDetails
    isDefault: bool = False  # noqa: N815 - the wire's name
    passwordChange: bool = False  # noqa: N815 - the wire's name


class PolicyRead(_Body):
    """The body of a policy that was read."""

    policy: NotificationPolicy


class PolicyChange(_Body):
    """One change of a policy."""

    sequence: _Sequence
    changeDate: _Time  # noqa: N815 - the wire's name
    by: str = Field(description="Who: task, cli:<user>, or the API caller's id.")
    effect: str
    before: dict[str, bool] | None = Field(description="The switches before; null: no policy.")
    after: dict[str, bool] | None = Field(description="The switches since; null: removed.")


class PolicyHistory(_Body):
    """A policy's last changes, newest first."""

    changes: list[PolicyChange]


class Day(_Body):
    """One day, or several, under another policy."""

    events: int
    told: int = Field(description="People who were told, or are about to be.")
    wouldBeTold: int = Field(description="People who would have been told, at most.")  # noqa: N815 - as its neighbours


class DryRunResult(_Body):
    """What would be different under another policy."""

    passwordChange: bool = Field(description="What was supposed.")  # noqa: N815 - the wire's name
    since: _Time
    days: dict[str, Day]
    total: Day
    isPartial: bool = Field(description="There were more events: the oldest are missing.")  # noqa: N815 - as its neighbours


class Nothing(_Body):
    """An empty body."""


MEANINGS: Final[Mapping[int, str]] = {
    400: "The request breaks a rule, or the policy is so already (ZITADEL's manner)",
    401: "There is no valid token with the request",
    403: "The caller's roles do not permit this",
    404: "There is no such policy, or the caller has no role in that organization",
    405: "The path does not know this method",
    408: "The body did not come in time",
    409: "There is such a policy already",
    413: "The body is too large",
    415: "The content type is none that this takes",
    429: "Too many requests; `Retry-After` says when to come again",
    500: "An error of ours",
    503: "The store is away, or too much is in flight; `Retry-After` says when to come again",
}

ANYONE: Final = (405, 500, 503)
CALLER: Final = (*ANYONE, 401, 403, 404, 429)
WRITER: Final = (*CALLER, 400, 408, 413)


def answers(success: type[BaseModel], failures: Iterable[int]) -> dict[int | str, dict[str, Any]]:
    """Return the answers of a route: its success, and by which statuses it fails."""
    failed: dict[int | str, dict[str, Any]] = {
        status: {"model": Error, "description": MEANINGS[status]} for status in sorted(failures)
    }
    return {200: {"model": success, "description": "Done"}, **failed}


ORGANIZATION: Final[Mapping[str, Any]] = {
    "name": "x-zitadel-orgid",
    "in": "header",
    "required": False,
    "description": "The organization; the caller's own where it is not given.",
    "schema": {"type": "string", "pattern": r"^[A-Za-z0-9._-]{1,64}$"},
}

SWITCH: Final[Mapping[str, Any]] = {
    "name": "switch",
    "in": "query",
    "required": False,
    "description": "A switch that the answer is to tell of, too, such as `emailChange`: "
    "by itself it tells only of those that ZITADEL's does.",
    "schema": {"type": "array", "items": {"type": "string"}},
}

SECURED: Final[Mapping[str, Any]] = {"security": [{"bearer": []}]}

SWITCHES: Final[Mapping[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "passwordChange": {
                            "type": "boolean",
                            "description": "Whether people are told of password changes. "
                            "`password_change` is understood, too.",
                        }
                    },
                    "required": ["passwordChange"],
                    "example": {"passwordChange": True},
                }
            }
        },
    }
}


def about(
    *parts: Mapping[str, Any], parameters: Iterable[Mapping[str, Any]] = ()
) -> dict[str, Any]:
    """Return what else the reference says of a route."""
    merged: dict[str, Any] = {}
    for part in parts:
        merged |= part
    named = [dict(parameter) for parameter in parameters]
    return merged | ({"parameters": named} if named else {})
