"""The main job, as its user checks it: the same through every broker."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from html import unescape

from dispatcher.delivery import Ruling
from tests.acceptance.system import System, an_event, wait_until

ONCE = ("From", "To", "Subject", "Message-ID", "Date")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3}|\.\d{6})?Z")


def check_policy_update(system: System) -> None:
    """Setting a policy answers the API's body; setting it again changes nothing."""
    created = system.update_policy("main-a", {"passwordChange": True})["details"]
    assert created.keys() == {"sequence", "creationDate", "changeDate", "resourceOwner"}
    assert (created["sequence"], created["resourceOwner"]) == ("1", "main-a")
    for name in ("creationDate", "changeDate"):
        assert _TIME.fullmatch(created[name])
        age = datetime.now(UTC) - datetime.fromisoformat(created[name])
        assert abs(age) < timedelta(minutes=1)
    assert system.update_policy("main-a", {"passwordChange": True})["details"] == created
    changed = system.update_policy("main-a", {"password_change": False})["details"]
    assert changed["sequence"] == "2"
    assert changed["creationDate"] == created["creationDate"]


def check_bad_updates(system: System) -> None:
    """Bad input gets the error body, which says what was expected, and never fails the task."""
    body = {"passwordChange": True}
    cases: list[tuple[object, ...]] = [
        (),
        ("main-b",),
        ("", body),
        (None, body),
        (7, body),
        ("a/b", body),
        ("main-b", None),
        ("main-b", []),
        ("main-b", {}),
        ("main-b", {"passwordChange": "yes"}),
        ("main-b", {"passwordChange": 1}),
        ("main-b", {"passwordChange": None}),
        ("main-b", {"paswordChange": True}),
        ("main-b", body, "more"),
    ]
    for arguments in cases:
        answer = system.update_policy(*arguments)
        assert answer["code"] == 3, arguments
        assert "expected" in answer["message"], arguments
        assert answer["details"][0]["@type"].startswith("type.googleapis.com/"), arguments
    assert system.update_policy("main-b", body | {"more": 1})["details"]["sequence"] == "1"


def check_concurrent_updates(system: System) -> None:
    """Updates of one organization at once lose nothing: the sequence counts the changes."""
    flips = [{"passwordChange": number % 2 == 0} for number in range(20)]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda body: system.update_policy("main-c", body), flips))
    sequences = [int(answer["details"]["sequence"]) for answer in answers]
    distinct = set(sequences)
    assert distinct == set(range(1, max(sequences) + 1))


def check_sent(system: System) -> None:
    """With the policy on, the mail comes, well-formed and in the reader's language."""
    system.update_policy("main-d", {"passwordChange": True})
    user = {"email": "jörg@bücher.example", "display_name": "Jörg Müßig 🚀", "locale": "de-CH"}
    system.publish(an_event("main-sent", "main-d", user=user, change="admin_reset"))
    assert (told := system.settled("main-sent")).state == "sent", told
    mails = [mail for mail in system.mails() if "Jörg" in str(mail["To"])]
    assert len(mails) == 1
    (mail,) = mails
    for name in ONCE:
        assert len(mail.get_all(name, [])) == 1, name
    assert mail["Content-Language"] == "de"
    for kind in ("plain", "html"):
        part = mail.get_body((kind,))
        assert part is not None
        assert "Jörg Müßig 🚀" in unescape(part.get_content())


def check_policy_off(system: System) -> None:
    """With the policy off, none comes, and ``why`` says why; unset is the same to the user."""
    system.update_policy("main-e", {"passwordChange": False})
    system.publish(an_event("main-off", "main-e"))
    system.publish(an_event("main-unset", "main-nobody"))
    off, unset = system.settled("main-off"), system.settled("main-unset")
    assert (off.state, off.reason) == ("skipped", "policy_off")
    assert off.ruling == Ruling("main-e", 1)
    assert (unset.state, unset.reason) == ("skipped", "policy_unset")
    assert not system.mails_to("main-off@main-e.example")
    assert not system.mails_to("main-unset@main-nobody.example")


def check_duplicate(system: System) -> None:
    """The same event twice is mailed once."""
    system.update_policy("main-f", {"passwordChange": True})
    for _ in range(3):
        system.publish(an_event("main-twice", "main-f"))
    wait_until(lambda: system.settled("main-twice").duplicates == 2, "both duplicates are counted")
    assert len(system.mails_to("main-twice@main-f.example")) == 1


def check_malformed(system: System) -> None:
    """Malformed events become dead letters with the reason; the worker does not die of them."""
    workers = system.workers()
    events: list[object] = [None, 7, [], "x", {}, an_event("main bad id")]
    for event in [*events, an_event("main-bad", user={})]:
        system.publish(event)
    told = system.settled("main-bad")
    assert (told.state, told.reason) == ("dead", "malformed")
    assert "expected an id or an email" in told.detail
    reasons = {"dead:malformed": len(events) + 1}
    wait_until(lambda: (system.totals().reasons or {}).items() >= reasons.items(), "all are dead")
    assert system.workers() == workers


CHECKS = (
    check_policy_update,
    check_bad_updates,
    check_concurrent_updates,
    check_sent,
    check_policy_off,
    check_duplicate,
    check_malformed,
)
