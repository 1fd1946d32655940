"""What the API answers in each case, in both manners: the facts' tables as rows."""

from dataclasses import dataclass

from dispatcher.policy import Manner
from tests.contract.policy_api.clients import Rpc, Step
from tests.contract.policy_api.installation import INSTANCE_ID

ALL = frozenset({"sequence", "creationDate", "changeDate", "resourceOwner"})
ADDED = ALL - {"changeDate"}
CHANGED = ALL - {"creationDate"}


@dataclass(frozen=True)
class Success:
    """A success: which details it fills, and what it says of the policy."""

    filled: frozenset[str] = ALL
    sequence: int = 1
    owner: str = "acme"
    is_default: bool = False
    on: bool = False


@dataclass(frozen=True)
class Failure:
    """A failure: its code, and the id and the message's text, where these are promised."""

    code: int
    id: str = ""
    text: str | None = None


@dataclass(frozen=True)
class Row:
    """One case: what is called, and what the last call answers."""

    title: str
    steps: tuple[Step, ...]
    setting: Success | Failure
    zitadel: Success | Failure

    def expected(self, manner: Manner) -> Success | Failure:
        """Return what is answered in that manner."""
        return self.setting if manner is Manner.SETTING else self.zitadel


def same(title: str, *steps: Step, answer: Success | Failure) -> Row:
    """Return a case that both manners answer alike."""
    return Row(title, steps, answer, answer)


def _add(*, on: bool = True) -> Step:
    return Step(Rpc.ADD, on)


def _update(*, on: bool = True) -> Step:
    return Step(Rpc.UPDATE, on)


RESET = Step(Rpc.RESET)
GET = Step(Rpc.GET)


def _admin(rpc: Rpc, *, on: bool | None = None, by: str = "root") -> Step:
    return Step(rpc, on, by=by)


COMMANDS = [
    Row(
        "an update where there is no policy",
        (_update(),),
        Success(),
        Failure(5, "ORG-x029n3", "Notification Policy not found"),
    ),
    Row(
        "an update after a reset",
        (_add(), RESET, _update()),
        Success(sequence=3),
        Failure(5, "ORG-x029n3", "Notification Policy not found"),
    ),
    Row(
        "an update to what is so already",
        (_add(), _update()),
        Success(),
        Failure(9, "Org-ioqnxz", "Notification Policy not changed"),
    ),
    Row(
        "an addition where there is one",
        (_add(), _add(on=False)),
        Failure(6, "Org-xa08n2"),
        Failure(6, "Org-xa08n2", "Notification Policy already exists"),
    ),
    Row(
        "a reset where there is nothing",
        (RESET,),
        Failure(5, "ORG-x029n1s"),
        Failure(5, "ORG-x029n1s", "Notification Policy not found"),
    ),
    Row(
        "a second reset",
        (_add(), RESET, RESET),
        Failure(5, "ORG-x029n1s"),
        Failure(5, "ORG-x029n1s", "Notification Policy not found"),
    ),
    Row(
        "an update where there is no default",
        (_admin(Rpc.ADMIN_UPDATE, on=True),),
        Success(owner=INSTANCE_ID),
        Failure(5, "INSTANCE-x891na", "Default Notification Policy not found"),
    ),
    Row(
        "an update of the default to what is so already",
        (_admin(Rpc.ADMIN_ADD, on=True), _admin(Rpc.ADMIN_UPDATE, on=True)),
        Success(owner=INSTANCE_ID),
        Failure(9, "INSTANCE-29x02n", "Default Notification Policy not changed"),
    ),
    Row(
        "an addition where there is a default",
        (_admin(Rpc.ADMIN_ADD, on=True), _admin(Rpc.ADMIN_ADD, on=True)),
        Failure(6, "INSTANCE-xpo1bj"),
        Failure(6, "INSTANCE-xpo1bj", "Errors.Instance.NotificationPolicy.AlreadyExists"),
    ),
    *(
        Row(
            f"{step.rpc.name} where there is nothing",
            (step,),
            Failure(5, "QUERY-x0so2p"),
            Failure(5, "QUERY-x0so2p", "Errors.NotificationPolicy.NotFound"),
        )
        for step in (GET, Step(Rpc.GET_DEFAULT), _admin(Rpc.ADMIN_GET))
    ),
    Row(
        "an addition after a reset",
        (_add(), RESET, _add(on=False)),
        Success(sequence=3),
        Success(ADDED, sequence=3),
    ),
    same(
        "a read where there is only a default",
        _admin(Rpc.ADMIN_ADD, on=True),
        GET,
        answer=Success(owner=INSTANCE_ID, is_default=True, on=True),
    ),
    same(
        "a read of the default, by an organization",
        _admin(Rpc.ADMIN_ADD, on=True),
        _add(on=False),
        Step(Rpc.GET_DEFAULT),
        answer=Success(owner=INSTANCE_ID, is_default=True, on=True),
    ),
    same(
        "a read where there are both",
        _admin(Rpc.ADMIN_ADD, on=True),
        _add(on=False),
        GET,
        answer=Success(),
    ),
    same(
        "a read after a reset",
        _admin(Rpc.ADMIN_ADD, on=False),
        _add(),
        RESET,
        GET,
        answer=Success(owner=INSTANCE_ID, is_default=True),
    ),
]

DETAILS = [
    Row("what an addition tells", (_add(),), Success(), Success(ADDED)),
    Row(
        "what an update tells",
        (_add(), _update(on=False)),
        Success(sequence=2),
        Success(CHANGED, sequence=2),
    ),
    Row("what a reset tells", (_add(), RESET), Success(sequence=2), Success(CHANGED, sequence=2)),
    same("what a read tells", _add(), _update(on=False), GET, answer=Success(sequence=2, on=False)),
    same(
        "what a read of the default tells",
        _admin(Rpc.ADMIN_ADD, on=True),
        _admin(Rpc.ADMIN_GET),
        answer=Success(owner=INSTANCE_ID, is_default=True, on=True),
    ),
    Row(
        "what an addition of the default tells",
        (_admin(Rpc.ADMIN_ADD, on=True),),
        Success(owner=INSTANCE_ID),
        Success(ADDED, owner=INSTANCE_ID),
    ),
    Row(
        "what an update of the default tells",
        (_admin(Rpc.ADMIN_ADD, on=True), _admin(Rpc.ADMIN_UPDATE, on=False)),
        Success(sequence=2, owner=INSTANCE_ID),
        Success(CHANGED, sequence=2, owner=INSTANCE_ID),
    ),
]

EVERY = [rpc for rpc in Rpc if rpc not in {Rpc.HEALTHZ, Rpc.ADMIN_HEALTHZ}]
_INVALID = Failure(16, "AUTH-7fs1e", "Errors.Token.Invalid")
_DENIED = Failure(7, "AUTH-5mWD2", "No matching permissions found")
_OUTSIDE = Failure(5, "AUTHZ-cdgFk", "membership not found")

ACCESS = [
    *(
        same(
            f"{rpc.name} without a token",
            Step(rpc, on=True, by=None),
            answer=Failure(16, "", "auth header missing"),
        )
        for rpc in EVERY
    ),
    *(
        same(
            f"a read with {authorization!r}",
            Step(Rpc.GET, authorization=authorization),
            answer=Failure(16, "AUTH-toLo1", "invalid auth header"),
        )
        for authorization in ("owner", "Basic owner", "Bearer owner too")
    ),
    *(
        same(f"{rpc.name} with a wrong token", Step(rpc, on=True, by="wrong"), answer=_INVALID)
        for rpc in EVERY
    ),
    *(
        same(
            f"{rpc.name} by someone of another organization",
            Step(rpc, on=True, by="stranger", org="acme"),
            answer=_OUTSIDE,
        )
        for rpc in EVERY
        if not rpc.name.startswith("ADMIN")
    ),
    *(
        same(
            f"{rpc.name} about an organization that does not exist",
            Step(rpc, on=True, org="nowhere"),
            answer=_OUTSIDE,
        )
        for rpc in EVERY
        if not rpc.name.startswith("ADMIN")
    ),
    *(
        same(f"{rpc.name} by a viewer", Step(rpc, on=True, by="viewer"), answer=_DENIED)
        for rpc in (Rpc.ADD, Rpc.UPDATE, Rpc.RESET)
    ),
    same("a read by a publisher", Step(Rpc.GET, by="publisher"), answer=_DENIED),
    *(
        same(f"{rpc.name} by an organization's owner", Step(rpc, on=True), answer=_DENIED)
        for rpc in (Rpc.ADMIN_GET, Rpc.ADMIN_ADD, Rpc.ADMIN_UPDATE)
    ),
    *(
        same(
            f"{rpc.name} by an instance's viewer", Step(rpc, on=True, by="auditor"), answer=_DENIED
        )
        for rpc in (Rpc.ADMIN_ADD, Rpc.ADMIN_UPDATE)
    ),
    *(
        same(
            f"{rpc.name} by a manager of organizations",
            Step(rpc, on=True, by="manager"),
            answer=_DENIED,
        )
        for rpc in (Rpc.ADMIN_GET, Rpc.ADMIN_ADD, Rpc.ADMIN_UPDATE)
    ),
    *(
        Row(
            f"{rpc.name} by an instance's owner who names no organization",
            (Step(rpc, on=True, by="root"),),
            Failure(3, refusal),
            Failure(3, refusal, "Resource Owner Organisation missing"),
        )
        for rpc, refusal in (
            (Rpc.GET, "Org-x091n1g"),
            (Rpc.ADD, "Org-x801sk2i"),
            (Rpc.UPDATE, "Org-x091n1g"),
            (Rpc.RESET, "Org-x89ns2"),
        )
    ),
    *(
        same(
            f"{rpc.name} by an instance's owner about what no organization is called",
            Step(rpc, on=True, by="root", org="*"),
            answer=Failure(7, "AUTH-Bs7Ds", "Organisation doesn't exist"),
        )
        for rpc in (Rpc.GET, Rpc.ADD, Rpc.UPDATE, Rpc.RESET)
    ),
    same("a read by a viewer", _add(), Step(Rpc.GET, by="viewer"), answer=Success(on=True)),
    same(
        "a read by an instance's viewer",
        _add(),
        Step(Rpc.GET, by="auditor", org="acme"),
        answer=Success(on=True),
    ),
    Row(
        "a reset by a manager of settings",
        (_add(), Step(Rpc.RESET, by="settings")),
        Success(sequence=2),
        Success(CHANGED, sequence=2),
    ),
    Row(
        "an addition by a manager of organizations",
        (Step(Rpc.ADD, on=True, by="manager", org="acme"),),
        Success(),
        Success(ADDED),
    ),
    same(
        "the header names the caller's own",
        _add(),
        Step(Rpc.GET, org="acme"),
        answer=Success(on=True),
    ),
]

HEALTH = [
    same(f"{rpc.name}, by anybody", Step(rpc, by=None), answer=Success(frozenset(), 0, ""))
    for rpc in (Rpc.HEALTHZ, Rpc.ADMIN_HEALTHZ)
]

ROWS = [*COMMANDS, *DETAILS, *ACCESS, *HEALTH]
