"""The sender's domain in DNS: will other people's mail systems believe our mails?"""

from collections.abc import Iterator
from typing import Final

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration

from dispatcher.cli.checks.finding import Finding, Health

PATIENCE: Final = 3.0
"""Seconds for one question."""

_NOT_REAL: Final = ("example", "test", "invalid", "localhost", "local")  # RFC 6761, RFC 6762


async def check_domain(
    domain: str, *, servers: tuple[str, ...] = (), port: int = 53
) -> list[Finding]:
    """Return how the sender's domain presents itself; says so where DNS cannot be asked.

    Args:
        domain: The domain, in ASCII.
        servers: Addresses of DNS servers; the system's when empty.
        port: Their port.
    """
    if not is_real(domain):
        return [Finding(Health.SKIP, f"DNS {domain}", "no domain of the public DNS")]
    try:
        resolver = Resolver(configure=not servers)
        if servers:
            resolver.nameservers, resolver.port = list(servers), port
        resolver.lifetime = PATIENCE
        return [
            await _mx(resolver, domain),
            await _spf(resolver, domain),
            await _dmarc(resolver, domain),
        ]
    except (DNSException, NoResolverConfiguration, OSError) as error:
        found = f"DNS cannot be asked: {type(error).__name__}"
        return [Finding(Health.SKIP, f"DNS {domain}", found)]


def is_real(domain: str) -> bool:
    """Tell whether a domain can be in the public DNS."""
    return domain.rpartition(".")[2] not in _NOT_REAL


async def _mx(resolver: Resolver, domain: str) -> Finding:
    subject = f"MX {domain}"
    try:
        answer = await resolver.resolve(domain, "MX")
    except NXDOMAIN:
        mend = "use a sender domain that exists: others refuse mail from one that does not"
        return Finding(Health.FAIL, subject, "the domain does not exist", mend)
    except NoAnswer:
        mend = "give the domain an MX record: bounces and replies have nowhere to go"
        return Finding(Health.WARN, subject, "none", mend)
    hosts = sorted(str(record.exchange).rstrip(".") for record in answer)
    if hosts == [""]:  # RFC 7505: a null MX
        mend = "some mail systems refuse senders whose domain takes no mail"
        return Finding(Health.WARN, subject, "the domain takes no mail (null MX)", mend)
    return Finding(Health.OK, subject, ", ".join(hosts))


async def _spf(resolver: Resolver, domain: str) -> Finding:
    subject = f"SPF {domain}"
    records = [text for text in await _texts(resolver, domain) if text.lower().startswith("v=spf1")]
    if not records:
        mend = "publish `v=spf1 … -all` that names the relay: RFC 7208"
        return Finding(Health.WARN, subject, "none", mend)
    if len(records) > 1:
        mend = "keep one: RFC 7208 section 4.5 makes several an error"
        return Finding(Health.FAIL, subject, f"{len(records)} records", mend)
    return Finding(Health.OK, subject, records[0])


async def _dmarc(resolver: Resolver, domain: str) -> Finding:
    for owner in _with_parents(domain):
        texts = await _texts(resolver, f"_dmarc.{owner}")
        if records := [text for text in texts if text.startswith("v=DMARC1")]:
            return Finding(Health.OK, f"DMARC {owner}", records[0])
    mend = "publish `v=DMARC1; p=quarantine` at _dmarc: big mailbox providers ask for it"
    return Finding(Health.WARN, f"DMARC {domain}", "none", mend)


async def _texts(resolver: Resolver, name: str) -> list[str]:
    try:
        answer = await resolver.resolve(name, "TXT")
    except (NXDOMAIN, NoAnswer):
        return []
    return [b"".join(record.strings).decode(errors="replace") for record in answer]


def _with_parents(domain: str) -> Iterator[str]:
    # Without the list of public suffixes, every parent with two labels may be the organization's.
    labels = domain.split(".")
    for start in range(max(len(labels) - 1, 1)):
        yield ".".join(labels[start:])
