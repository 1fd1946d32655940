"""What an organization may set as its sender."""

import pytest

from dispatcher.adapters.mail.hosts import is_here, may_be_here
from dispatcher.adapters.mail.sender_rules import check
from dispatcher.errors import InvalidSender
from dispatcher.sender import SenderChange


@pytest.mark.parametrize(
    "change",
    [
        SenderChange(),
        SenderChange("", "", ""),
        SenderChange("Acme <no-reply@acme.example>", "help@acme.example"),
        SenderChange(relays="smtp://u:p@mail.acme.example:587,smtps://10.0.0.5?rate=5"),
        SenderChange(relays="smtp://192.0.2.7:25?tls=none"),
    ],
)
def test_takes_what_can_be_used(change: SenderChange) -> None:
    check(change)


@pytest.mark.parametrize(
    ("change", "mistake"),
    [
        (SenderChange("nobody"), "mailFrom: the sender must be one mailbox"),
        (SenderChange("A\r\nBcc: x@y.example <a@b.example>"), "mailFrom: "),
        (SenderChange("x" * 321), "mailFrom: at most 320"),
        (SenderChange(reply_to="Help <help@acme.example>"), "replyTo: expected one address"),
        (SenderChange(reply_to="a@b.example, c@d.example"), "replyTo: "),
        (SenderChange(relays="mail.acme.example"), "relays: "),
        (SenderChange(relays="smtp://a.example\n:587"), "relays: there is a control character"),
        (SenderChange(relays="smtp://u:p@a.example?tls=none"), "clear text"),
        (SenderChange(relays="smtp://a.example?verify=no"), "verify"),
        (SenderChange(relays="smtp://a.example?ca=/etc/passwd"), r"\?ca=, \?cert= and \?key="),
        (SenderChange(relays="smtp://a.example?cert=/c&key=/k"), "files of this machine"),
        (SenderChange(relays=",".join(["smtp://a.example"] * 6)), "relays: at most 5"),
        (SenderChange(relays="smtp://a.example/" + "x" * 4096), "relays: at most 4096"),
    ],
)
def test_refuses_what_cannot(change: SenderChange, mistake: str) -> None:
    with pytest.raises(InvalidSender, match=mistake):
        check(change)


def test_names_every_mistake_at_once_and_no_password() -> None:
    change = SenderChange("nobody", "nobody", "smtp://user:s3cret@localhost?ca=/x")
    with pytest.raises(InvalidSender) as refused:
        check(change)
    for part in ("mailFrom", "replyTo", "relays: localhost", "leave out ?ca="):
        assert part in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    "host",
    [
        "localhost", "LOCALHOST.", "mail.localhost", "127.0.0.1", "127.1", "2130706433",
        "0x7f000001", "0177.0.0.1", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]",
        "169.254.169.254", "[fe80::1]", "224.0.0.1",
    ],
)  # fmt: skip
def test_an_organizations_relay_cannot_be_on_this_machine(host: str) -> None:
    with pytest.raises(InvalidSender, match="cannot be on this machine"):
        check(SenderChange(relays=f"smtp://{host}:25?tls=none"))
    check(SenderChange(relays=f"smtp://{host}:25?tls=none"), local=True)


@pytest.mark.parametrize("host", ["mail.acme.example", "10.0.0.5", "4you.example", "2001:db8::1"])
def test_other_hosts_are_left_alone(host: str) -> None:
    assert not may_be_here(host)
    assert not is_here(host)


def test_a_scoped_address_is_recognised() -> None:
    assert is_here("fe80::1%eth0")
