"""What is made of mails that come back: only what is proved counts, and only what is for good."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.adapters.mail.bounce_parser import LARGEST, read_report
from dispatcher.adapters.store.memory import MemoryLedger
from dispatcher.adapters.store.memory_suppressions import MemorySuppressionStore
from dispatcher.bounce import ReportKind
from dispatcher.bounces import Bounces, Finding, Verdict
from dispatcher.delivery import Report, Sent
from dispatcher.message import fingerprint
from dispatcher.ports import Claim
from dispatcher.postmark import postmark
from dispatcher.suppression import Suppression
from dispatcher.suppressions import Suppressions
from tests.builders import StandingClock, an_event
from tests.unit.adapters.mail import bounce_samples as samples
from tests.unit.adapters.mail.bounce_samples import ADA, HARD, KEY, MARK, OURS, postfix


class Office:
    """Where mails come back to, in memory; evt-1 of acme was sent to Ada."""

    def __init__(self) -> None:
        self.clock = StandingClock()
        self.store = MemorySuppressionStore(self.clock)
        self.suppressions = Suppressions(self.store, self.clock, KEY, age=3600.0)
        self.ledger = MemoryLedger(self.clock)
        asyncio.run(self._send())

    async def _send(self) -> None:
        claim = await self.ledger.claim(an_event(), receipt="r-1")
        assert isinstance(claim, Claim)
        report = Report(Sent(), trigger="password_change", recipient=ADA)
        assert await self.ledger.record(claim, report)

    def judge(self, raw: bytes, *, recipient: str = "") -> tuple[Verdict, ...]:
        report = read_report(raw, recipient=recipient)
        return asyncio.run(Bounces(self.suppressions, self.ledger).judge(report))

    def suppressed(self) -> Sequence[Suppression]:
        return asyncio.run(self.store.page()).suppressions


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.mark.parametrize("name", HARD)
def test_a_report_that_there_is_no_such_mailbox_suppresses_it(office: Office, name: str) -> None:
    (verdict,) = office.judge(HARD[name])
    status = "5.1.10" if name == "exchange" else "5.1.1"
    assert verdict == Verdict(Finding.SUPPRESSED, status, "acme", ADA, "evt-1")
    (kept,) = office.suppressed()
    assert (kept.scope, kept.recipient, kept.event_id) == ("acme", ADA, "evt-1")
    assert (kept.detail, kept.since) == (status, office.clock.now())


def test_the_same_report_again_changes_nothing(office: Office) -> None:
    office.judge(HARD["postfix"])
    (verdict,) = office.judge(HARD["gmail"])
    assert verdict.finding is Finding.KNOWN
    assert len(office.suppressed()) == 1


@pytest.mark.parametrize(
    ("status", "diagnostic", "finding"),
    [
        ("5.2.2", "smtp; 552 5.2.2 mailbox full", Finding.OTHER_REASON),
        ("5.2.1", "smtp; 550 5.2.1 account disabled", Finding.OTHER_REASON),
        ("5.1.2", "smtp; 550 5.1.2 unknown domain", Finding.OTHER_REASON),
        ("5.4.4", "X-Postfix; Host or domain name not found", Finding.OTHER_REASON),
        ("5.7.1", "smtp; 550 5.7.1 blocked as spam", Finding.OTHER_REASON),
        ("5.1.1", "smtp; 550 5.7.1 blocked as spam", Finding.OTHER_REASON),
        ("5.1.1", "smtp; 550 Requested action not taken", Finding.OTHER_REASON),
        ("5.0.0", "smtp; 550 no", Finding.OTHER_REASON),
        ("", "", Finding.TEMPORARY),
        ("4.4.7", "smtp; 421 4.4.7 expired", Finding.TEMPORARY),
        ("4.2.2", "smtp; 452 4.2.2 mailbox full", Finding.TEMPORARY),
        ("5.1.1", "smtp; 550 User unknown", Finding.SUPPRESSED),
        ("5.1.1", "x-unix; local mailbox missing", Finding.SUPPRESSED),
        ("5.1.6", "smtp; 550 5.1.6 moved", Finding.SUPPRESSED),
        ("5.0.0", "smtp; 550 5.1.1 at 5.1.1.3", Finding.SUPPRESSED),
    ],
)
def test_only_what_says_no_such_mailbox_for_good_suppresses(
    office: Office, status: str, diagnostic: str, finding: Finding
) -> None:
    action = "failed" if status else ""
    (verdict,) = office.judge(postfix(status, diagnostic, action=action))
    assert (verdict.finding, verdict.org_id, verdict.event_id) == (finding, "acme", "evt-1")
    assert bool(office.suppressed()) == (finding is Finding.SUPPRESSED)


@pytest.mark.parametrize(
    ("action", "finding"),
    [
        ("delayed", Finding.TEMPORARY),
        ("relayed", Finding.DELIVERED),
        ("delivered", Finding.DELIVERED),
        ("expanded", Finding.DELIVERED),
        ("nonsense", Finding.SUPPRESSED),
    ],
)
def test_the_action_counts_before_the_status(office: Office, action: str, finding: Finding) -> None:
    assert [one.finding for one in office.judge(postfix(action=action))] == [finding]


@pytest.mark.parametrize(
    "ours",
    [
        "Message-ID: <1@acme.example>\n",
        f"Message-ID: <{'a' * 48}@acme.example>\n",
        f"Message-ID: <{MARK[:-2]}aa@acme.example>\n",
        "",
    ],
)
def test_a_report_without_a_genuine_postmark_is_not_believed(office: Office, ours: str) -> None:
    (verdict,) = office.judge(postfix(ours=ours))
    assert verdict == Verdict(Finding.UNPROVEN, "5.1.1")
    assert not office.suppressed()


def test_a_postmark_of_an_organization_nobody_knows_proves_nothing(office: Office) -> None:
    mark = postmark(KEY, org_id="globex", event_id="e", template="t", recipient=ADA)
    (verdict,) = office.judge(postfix(ours=f"Message-ID: <{mark}@acme.example>\n"))
    assert verdict.finding is Finding.UNPROVEN


def test_nobody_can_use_his_own_mail_to_silence_another(office: Office) -> None:
    (verdict,) = office.judge(postfix(recipient="eve@example.org"))
    assert verdict.finding is Finding.OTHER_RECIPIENT
    assert not office.suppressed()


def test_the_address_that_it_came_back_to_is_proof_enough(office: Office) -> None:
    raw = postfix(ours="")
    (verdict,) = office.judge(raw, recipient=samples.RETURN_PATH.upper())
    assert verdict.finding is Finding.SUPPRESSED


def test_a_report_on_several_recipients_counts_for_ours(office: Office) -> None:
    other = b"\nFinal-Recipient: rfc822; eve@example.org\nAction: failed\nStatus: 5.1.1\n"
    raw = HARD["amazon ses"].replace(b"Status: 5.1.1\n", b"Status: 5.1.1\n" + other)
    findings = [verdict.finding for verdict in office.judge(raw)]
    assert findings == [Finding.SUPPRESSED, Finding.OTHER_RECIPIENT]


def test_a_report_that_names_nobody_is_about_the_one_whose_postmark_it_shows(
    office: Office,
) -> None:
    (verdict,) = office.judge(postfix(recipient="hidden"))
    assert verdict == Verdict(Finding.SUPPRESSED, "5.1.1", "acme", ADA, "evt-1")


def test_a_report_that_names_nobody_and_shows_two_postmarks_is_about_neither(
    office: Office,
) -> None:
    eve = fingerprint(KEY, "eve@example.org")
    other = postmark(KEY, org_id="acme", event_id="evt-2", template="t", recipient=eve)
    raw = postfix(recipient="hidden", ours=f"{OURS}References: <{other}@acme.example>\n")
    (verdict,) = office.judge(raw)
    assert verdict.finding is Finding.OTHER_RECIPIENT


def test_a_report_on_nobody_is_none(office: Office) -> None:
    raw = HARD["postfix"].replace(b"-Recipient:", b"-Nobody:")
    assert office.judge(raw) == (Verdict(Finding.NO_REPORT),)


def test_a_domain_that_is_no_name_is_taken_as_it_is(office: Office) -> None:
    (verdict,) = office.judge(postfix(recipient="ada@xn--\N{EURO SIGN}.example"))
    assert verdict.finding is Finding.OTHER_RECIPIENT


def test_an_international_domain_is_known_in_either_spelling(office: Office) -> None:
    recipient = fingerprint(KEY, "ada@bücher.example")
    mark = postmark(KEY, org_id="acme", event_id="e", template="t", recipient=recipient)
    raw = postfix(recipient="ada@xn--bcher-kva.example", ours=f"Message-ID: <{mark}@a.example>\n")
    (verdict,) = office.judge(raw)
    assert (verdict.finding, verdict.recipient) == (Finding.SUPPRESSED, recipient)


@pytest.mark.parametrize(
    ("raw", "finding"),
    [
        (samples.OUT_OF_OFFICE, Finding.AUTOMATIC_REPLY),
        (samples.RECEIPT, Finding.AUTOMATIC_REPLY),
        (OURS.encode(), Finding.NO_REPORT),
        (b"", Finding.NO_REPORT),
        (b"x" * (LARGEST + 1), Finding.TOO_LARGE),
        (samples.FEEDBACK.replace(MARK.encode(), b"x"), Finding.UNPROVEN),
    ],
)
def test_what_is_no_proved_report_is_ignored(office: Office, raw: bytes, finding: Finding) -> None:
    assert [verdict.finding for verdict in office.judge(raw)] == [finding]
    assert not office.suppressed()


def test_a_complaint_is_told_and_suppresses_nothing(office: Office) -> None:
    assert office.judge(samples.FEEDBACK) == (Verdict(Finding.COMPLAINT, "", "acme", ADA, "evt-1"),)
    assert not office.suppressed()


def test_the_mail_that_a_report_brings_back_is_not_taken_for_a_report(office: Office) -> None:
    inner = b"Content-Type: message/rfc822\n\n" + HARD["postfix"]
    (verdict,) = office.judge(inner)
    assert verdict.finding is Finding.NO_REPORT


def test_deep_nesting_is_survived() -> None:
    deep = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (n, n) for n in range(3000)
    )
    assert read_report(deep).kind in {ReportKind.UNREADABLE, ReportKind.OTHER}


_PIECES = st.sampled_from(
    [
        *(raw for raw in HARD.values()),
        b"\n\n",
        b"Content-Type: message/delivery-status\n",
        b"Content-Type: multipart/report; boundary=\xff\n",
        b"Content-Transfer-Encoding: base64\n",
        b"Content-Type: text/plain; charset=nowhere\n",
        b"Final-Recipient: rfc822; ada@example.org\n",
        b"Status: 5.1.1\n",
        b"X-Failed-Recipients: ada@example.org, \n",
        b"Hi. This is the ",
        b"--\n",
    ]
)


@given(st.lists(_PIECES | st.binary(max_size=40), max_size=6).map(b"".join))
def test_whatever_comes_is_read(raw: bytes) -> None:
    read_report(raw)


@given(st.lists(_PIECES | st.binary(max_size=40), max_size=6).map(b"".join))
def test_nothing_is_suppressed_without_proof(raw: bytes) -> None:
    stripped = raw.replace(MARK.encode(), b"").replace(MARK.upper().encode(), b"")
    office = Office()
    assert {one.finding for one in office.judge(stripped)}.isdisjoint({Finding.SUPPRESSED})
    assert not office.suppressed()


@given(st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(sorted(HARD)))
def test_a_torn_report_never_silences_anybody_else(start: int, end: int, name: str) -> None:
    office = Office()
    office.judge(HARD[name][:start] + HARD[name][start + end :])
    assert {one.recipient for one in office.suppressed()} <= {ADA}
