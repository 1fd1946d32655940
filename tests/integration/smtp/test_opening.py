"""Sessions are opened as the relay's address asks: encrypted, authenticated, or not at all."""

from dataclasses import replace

import pytest
from cryptography.x509 import load_pem_x509_certificate

from dispatcher.adapters.mail.relay_address import Auth, RelayAddress, Security
from dispatcher.adapters.mail.smtp_handover import Offers
from dispatcher.adapters.mail.smtp_session import SessionOpener
from dispatcher.delivery import Receipt
from dispatcher.errors import RelayFault
from tests.integration.smtp.submission import (
    QUICK,
    Outcome,
    Run,
    a_message,
    error_of,
    hand_over,
    messages,
)
from tests.smtp_server import Act, At, Certificate, Rule, ScriptedRelay, Traits

_ADA = {"ada": "l0velace,ß"}


def _address(relay: ScriptedRelay, certificate: Certificate, security: Security) -> RelayAddress:
    return RelayAddress("127.0.0.1", relay.port, security, ca=str(certificate.cert))


def _fault(outcome: Outcome) -> RelayFault:
    error = error_of(outcome)
    assert isinstance(error, RelayFault)
    return error


def test_starttls_encrypts_before_anything_is_said(run: Run, certificate: Certificate) -> None:
    with ScriptedRelay(traits=Traits(starttls=True), certificate=certificate) as relay:
        address = _address(relay, certificate, Security.STARTTLS)
        outcomes = run(hand_over(address, messages(30), connections=3))
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert {got.encrypted for got in relay.messages} == {True}
    assert len(relay.messages) == 30


def test_tls_from_the_start_works_too(run: Run, certificate: Certificate) -> None:
    with ScriptedRelay(traits=Traits(implicit_tls=True), certificate=certificate) as relay:
        address = _address(relay, certificate, Security.TLS)
        outcomes = run(hand_over(address, messages(30), connections=3))
    assert all(isinstance(outcome, Receipt) for outcome in outcomes)
    assert {got.encrypted for got in relay.messages} == {True}


@pytest.mark.parametrize("security", Security)
def test_a_session_tells_when_the_certificate_that_was_checked_ends(
    run: Run, certificate: Certificate, security: Security
) -> None:
    traits = Traits(implicit_tls=security is Security.TLS, starttls=security is Security.STARTTLS)

    async def seen(address: RelayAddress) -> float | None:
        session = await SessionOpener(address, QUICK).open()
        session.transport.abort()
        return session.certificate_ends

    with ScriptedRelay(traits=traits, certificate=certificate) as relay:
        ends = run(seen(_address(relay, certificate, security)))

    known = load_pem_x509_certificate(certificate.cert.read_bytes()).not_valid_after_utc
    assert ends == (None if security is Security.NONE else known.timestamp())


def test_a_relay_that_does_not_offer_starttls_gets_nothing(
    run: Run, certificate: Certificate
) -> None:
    with ScriptedRelay() as relay:
        address = _address(relay, certificate, Security.STARTTLS)
        (outcome,) = run(hand_over(address, [a_message()]))
    assert _fault(outcome).phase == "tls"
    assert relay.commands[At.MAIL] == 0


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_certificate_that_is_not_trusted_gets_nothing(
    run: Run, certificate: Certificate, security: Security
) -> None:
    implicit = security is Security.TLS
    traits = Traits(implicit_tls=implicit, starttls=not implicit)
    with ScriptedRelay(traits=traits, certificate=certificate) as relay:
        address = replace(_address(relay, certificate, security), ca="")
        (outcome,) = run(hand_over(address, [a_message()]))
    fault = _fault(outcome)
    assert fault.phase == "tls"
    assert "not trusted" in fault.reason
    assert relay.accepted == 0


def test_words_smuggled_in_before_tls_are_not_heard(run: Run, certificate: Certificate) -> None:
    rule = Rule(At.STARTTLS, "220 2.0.0 go ahead\r\n250-mitm\r\n250 AUTH PLAIN")
    with ScriptedRelay(rule, traits=Traits(starttls=True), certificate=certificate) as relay:
        address = _address(relay, certificate, Security.STARTTLS)
        (outcome,) = run(hand_over(address, [a_message()]))
    assert isinstance(outcome, Receipt)
    assert relay.messages[0].encrypted


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
def test_a_client_certificate_is_shown_when_there_is_one(
    run: Run, certificate: Certificate, security: Security
) -> None:
    implicit = security is Security.TLS
    traits = Traits(implicit_tls=implicit, starttls=not implicit, client_certificate=True)
    with ScriptedRelay(traits=traits, certificate=certificate) as relay:
        without = _address(relay, certificate, security)
        shown = replace(without, cert=str(certificate.cert), key=str(certificate.key))
        (refused,) = run(hand_over(without, [a_message(1)], timeouts=QUICK))
        (accepted,) = run(hand_over(shown, [a_message(2)]))
    _fault(refused)
    assert isinstance(accepted, Receipt)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2"])
@pytest.mark.parametrize("explicit", [True, False], ids=["named", "chosen"])
def test_we_prove_who_we_are(
    run: Run, certificate: Certificate, mechanism: str, *, explicit: bool
) -> None:
    auth = Auth(mechanism.lower()) if explicit or mechanism == "XOAUTH2" else Auth.AUTO
    traits = Traits(starttls=True, auth=(mechanism,), users=_ADA)
    with ScriptedRelay(traits=traits, certificate=certificate) as relay:
        address = replace(
            _address(relay, certificate, Security.STARTTLS),
            username="ada", password=_ADA["ada"], auth=auth,
        )  # fmt: skip
        (accepted,) = run(hand_over(address, [a_message()]))
        (refused,) = run(hand_over(replace(address, password="wrong-one"), [a_message(2)]))
    assert isinstance(accepted, Receipt)
    fault = _fault(refused)
    assert (fault.phase, fault.code) == ("auth", 535)
    assert "wrong-one" not in f"{fault!r} {fault}"


def test_a_relay_that_offers_no_auth_is_not_given_the_password(run: Run) -> None:
    with ScriptedRelay() as relay:
        address = RelayAddress("127.0.0.1", relay.port, Security.NONE, "ada", "secret")
        (outcome,) = run(hand_over(address, [a_message()]))
    assert _fault(outcome).phase == "auth"
    assert relay.commands[At.AUTH] == 0


@pytest.mark.parametrize("act", [Act.HANG, Act.DROP])
def test_a_handshake_that_does_not_come_to_an_end_is_given_up(
    run: Run, certificate: Certificate, act: Act
) -> None:
    rule = Rule(At.STARTTLS, act=act)
    with ScriptedRelay(rule, traits=Traits(starttls=True), certificate=certificate) as relay:
        address = _address(relay, certificate, Security.STARTTLS)
        (outcome,) = run(hand_over(address, [a_message()], timeouts=QUICK))
    assert _fault(outcome).phase == "tls"


def test_nobody_listening_is_the_relays_fault(run: Run) -> None:
    with ScriptedRelay() as relay:
        relay.refuse()
        (outcome,) = run(hand_over(relay, [a_message()]))
    fault = _fault(outcome)
    assert (fault.phase, fault.code) == ("connect", None)
    assert "refused" in fault.reason


def test_a_relay_whose_name_has_no_address_is_the_relays_fault(run: Run) -> None:
    address = RelayAddress("relay.invalid", 25, Security.NONE)
    (outcome,) = run(hand_over(address, [a_message()]))
    assert _fault(outcome).phase == "connect"


def test_a_farewell_in_the_same_packet_as_the_welcome_is_heard(run: Run) -> None:
    traits = Traits(auth=("PLAIN",), users=_ADA)
    rule = Rule(At.AUTH, "235 2.7.0 welcome\r\n421 4.3.2 but not now", times=1)
    with ScriptedRelay(rule, traits=traits) as relay:
        address = RelayAddress("127.0.0.1", relay.port, Security.NONE, "ada", _ADA["ada"])
        (outcome,) = run(hand_over(address, [a_message()]))
    assert isinstance(outcome, Receipt)
    assert relay.connections == 2


@pytest.mark.parametrize("at", [At.GREETING, At.EHLO])
def test_nonsense_while_opening_is_the_relays_fault(run: Run, at: At) -> None:
    with ScriptedRelay(Rule(at, "SSH-2.0-OpenSSH_9.2")) as relay:
        (outcome,) = run(hand_over(relay, [a_message()]))
    fault = _fault(outcome)
    assert (fault.phase, fault.code) == (at.value, None)


def test_a_certificate_file_that_is_not_there_is_told(run: Run) -> None:
    with ScriptedRelay() as relay:
        address = RelayAddress("127.0.0.1", relay.port, Security.TLS, ca="/nowhere/ca.pem")
        (outcome,) = run(hand_over(address, [a_message()]))
    assert "No such file" in _fault(outcome).reason


def test_a_check_tells_what_the_relay_offers_and_sends_nothing(
    run: Run, certificate: Certificate
) -> None:
    traits = Traits(starttls=True, size=1_000, pipelining=False)
    with ScriptedRelay(traits=traits, certificate=certificate) as relay:
        address = _address(relay, certificate, Security.STARTTLS)
        offers = run(SessionOpener(address, QUICK).check())
        relay.wait_for(lambda relay: relay.at_once == 0)
    assert offers == Offers(eightbit=True, smtputf8=True, sizes=True, size=1_000)
    assert (relay.commands[At.MAIL], relay.commands[At.QUIT]) == (0, 1)
