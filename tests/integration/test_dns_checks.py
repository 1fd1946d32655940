"""What doctor says of the sender's signatures, asked of a real DNS server of our own."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import pytest

from dispatcher.adapters.mail.dkim_keys import DkimKeys, new_key, write_key
from dispatcher.cli.checks.dkim import check_signatures
from dispatcher.cli.checks.finding import Finding, Health

DOMAIN = "acme.org"


class _Zone(asyncio.DatagramProtocol):
    """Answers questions for TXT records; whatever it does not know does not exist."""

    def __init__(self, records: Mapping[str, list[str]]) -> None:
        self._records = records

    def connection_made(self, transport: Any) -> None:
        self._transport: asyncio.DatagramTransport = transport

    def datagram_received(self, octets: bytes, sender: tuple[str, int]) -> None:
        question = dns.message.from_wire(octets)
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.AA
        name = question.question[0].name
        texts = self._records.get(str(name).rstrip("."))
        if texts is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        else:
            quoted = [
                " ".join(f'"{text[at : at + 255]}"' for at in range(0, max(len(text), 1), 255))
                for text in texts
            ]
            answer.answer.append(dns.rrset.from_text(name, 60, "IN", "TXT", *quoted))
        self._transport.sendto(answer.to_wire(), sender)


async def _with_zone(
    records: Mapping[str, list[str]], ask: Callable[[int], Awaitable[list[Finding]]]
) -> list[Finding]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: _Zone(records), local_addr=("127.0.0.1", 0)
    )
    try:
        return await ask(transport.get_extra_info("sockname")[1])
    finally:
        transport.close()


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("keys") / "rsa.pem"
    write_key(new_key("rsa"), path)
    return path


def found(
    records: Mapping[str, list[str]], key: Path, *, bounces: str = "", domain: str = DOMAIN
) -> Mapping[str, Finding]:
    """Return what is said of a key, by subject."""
    setting = f"{domain}:s1={key}"

    async def ask(port: int) -> list[Finding]:
        return await check_signatures(
            domain, dkim_keys=setting, bounce_domain=bounces, servers=("127.0.0.1",), port=port
        )

    findings = asyncio.run(_with_zone(records, ask))
    return {finding.subject: finding for finding in findings}


NAME = f"s1._domainkey.{DOMAIN}"


def test_a_published_key_is_well(key: Path) -> None:
    [ours] = DkimKeys.read(f"{DOMAIN}:s1={key}").keys
    said = found({NAME: [ours.record]}, key)
    assert {finding.health for finding in said.values()} == {Health.OK}
    assert said[f"DKIM {NAME}"].found == "published, and the key's own"


@pytest.mark.parametrize(
    ("records", "health", "expected"),
    [
        ({}, Health.FAIL, "no record: every signature fails"),
        ({NAME: ["v=DKIM1; p="]}, Health.FAIL, "the key is revoked"),
        ({NAME: ["v=DKIM1; k=rsa; p=MIIB"]}, Health.FAIL, "another key's record"),
        ({NAME: ["v=DKIM1; p=a", "v=DKIM1; p=b"]}, Health.FAIL, "2 records"),
    ],
)
def test_a_record_that_fails_every_signature_is_a_failure(
    key: Path, records: Mapping[str, list[str]], health: Health, expected: str
) -> None:
    finding = found(records, key)[f"DKIM {NAME}"]
    assert (finding.health, expected in finding.found) == (health, True)
    assert finding.mend


def test_a_missing_record_comes_with_the_line_to_publish(key: Path) -> None:
    finding = found({}, key)[f"DKIM {NAME}"]
    assert f"{NAME}. IN TXT" in finding.mend
    assert "v=DKIM1; k=rsa; p=" in finding.mend


def test_a_key_that_is_only_tested_is_a_warning(key: Path) -> None:
    [ours] = DkimKeys.read(f"{DOMAIN}:s1={key}").keys
    said = found({NAME: [f"{ours.record}; t=y"]}, key)
    assert said[f"DKIM {NAME}"].health is Health.WARN


def test_a_key_that_everybody_can_read_is_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "open.pem"
    write_key(new_key("ed25519"), path)
    path.chmod(0o644)
    said = found({}, path)
    assert said[f"DKIM {path}"].health is Health.WARN
    path.chmod(0o640)
    assert f"DKIM {path}" not in found({}, path)


def test_where_dns_does_not_answer_the_check_is_skipped(key: Path) -> None:
    findings = asyncio.run(
        check_signatures(DOMAIN, dkim_keys=f"{DOMAIN}:s1={key}", servers=("127.0.0.1",), port=9)
    )
    assert findings[-1].health is Health.SKIP


def _unsigned(bounces: str) -> list[Finding]:
    return asyncio.run(check_signatures("mail.acme.example", bounce_domain=bounces))


def test_bounces_to_another_domain_are_a_warning_unless_the_mail_is_signed(key: Path) -> None:
    warning = _unsigned("bounces.example")[0]
    assert (warning.health, "DMARC fails" in warning.mend) == (Health.WARN, True)
    for aligned in ("", "acme.example", "mail.acme.example", "b.mail.acme.example"):
        assert _unsigned(aligned)[0].health is Health.OK
    assert found({}, key, bounces="bounces.example")[f"From {DOMAIN}"].health is Health.OK


def test_without_keys_it_says_that_the_relay_may_sign() -> None:
    assert _unsigned("")[1].health is Health.SKIP
