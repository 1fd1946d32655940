"""Signatures: are the keys we sign with those in DNS, and is From aligned with the envelope?"""

from collections.abc import Iterable

from dns.asyncresolver import Resolver
from dns.exception import DNSException
from dns.resolver import NXDOMAIN, NoAnswer, NoResolverConfiguration

from dispatcher.adapters.mail.dkim_keys import DkimKey, DkimKeys, tags, zone_line
from dispatcher.cli.checks.dns import PATIENCE, is_real
from dispatcher.cli.checks.finding import Finding, Health
from dispatcher.errors import ConfigError


async def check_signatures(
    domain: str,
    *,
    dkim_keys: str = "",
    bounce_domain: str = "",
    servers: tuple[str, ...] = (),
    port: int = 53,
) -> list[Finding]:
    """Return what is known of the sender's signatures, and of its alignment (RFC 7489 section 3.1).

    Args:
        domain: The domain of From, ASCII.
        dkim_keys: The setting.
        bounce_domain: The domain of the envelope's sender; From's when empty.
        servers: Addresses of DNS servers; the system's when empty.
        port: Their port.
    """
    try:
        keys = DkimKeys.read(dkim_keys).keys
    except ConfigError:  # told among the settings
        return []
    signed = any(not key.org_id and key.signer.domain == domain.lower() for key in keys)
    found = [_alignment(domain, bounce_domain or domain, is_signed=signed)]
    found += [_unsigned(domain)] if not signed else []
    found += _readable_by_others(keys)
    try:
        resolver = Resolver(configure=not servers)
        if servers:
            resolver.nameservers, resolver.port = list(servers), port
        resolver.lifetime = PATIENCE
        found += [await _published(resolver, key) for key in keys]
    except (DNSException, NoResolverConfiguration, OSError) as error:
        said = f"DNS cannot be asked: {type(error).__name__}"
        found.append(Finding(Health.SKIP, f"DKIM {domain}", said))
    return found


def _alignment(domain: str, envelope: str, *, is_signed: bool) -> Finding:
    subject = f"From {domain}"
    if domain.lower() == envelope.lower():
        return Finding(Health.OK, subject, "is the domain that bounces go to as well")
    mine, theirs = f".{domain.lower()}", f".{envelope.lower()}"
    if mine.endswith(theirs) or theirs.endswith(mine):
        return Finding(Health.OK, subject, f"is aligned with {envelope}, where bounces go")
    said = f"bounces go to {envelope}, which is another organization's domain"
    if is_signed:
        return Finding(Health.OK, subject, f"{said}; the signature is aligned")
    mend = (
        "sign with DISPATCHER_DKIM_KEYS or at the relay, or take a bounce address of From's "
        "domain: else DMARC fails"
    )
    return Finding(Health.WARN, subject, said, mend)


def _unsigned(domain: str) -> Finding:
    said = "not signed here: DISPATCHER_DKIM_KEYS names no key of it; the relay may sign"
    return Finding(Health.SKIP, f"DKIM {domain}", said)


def _readable_by_others(keys: Iterable[DkimKey]) -> list[Finding]:
    mend = "take it away from others: chmod 600"
    return [
        Finding(Health.WARN, f"DKIM {key.path}", "everybody on this machine can read the key", mend)
        for key in keys
        if not key.is_private
    ]


async def _published(resolver: Resolver, key: DkimKey) -> Finding:
    subject = f"DKIM {key.name}"
    if not is_real(key.signer.domain):
        return Finding(Health.SKIP, subject, "no domain of the public DNS")
    try:
        answer = await resolver.resolve(key.name, "TXT")
    except (NXDOMAIN, NoAnswer):
        mend = f"publish it: {zone_line(key.name, key.record)}"
        return Finding(Health.FAIL, subject, "no record: every signature fails", mend)
    texts = [b"".join(record.strings).decode(errors="replace") for record in answer]
    return _compared(subject, key, texts)


def _compared(subject: str, key: DkimKey, texts: list[str]) -> Finding:
    ours, mend = tags(key.record), f"publish this one: {zone_line(key.name, key.record)}"
    if len(texts) > 1:  # RFC 6376 section 3.6.2.2: the result is undefined
        return Finding(Health.FAIL, subject, f"{len(texts)} records", "keep one")
    theirs = tags(texts[0])
    if theirs.get("p") == "":
        return Finding(Health.FAIL, subject, "the key is revoked", "sign with another key")
    if theirs.get("p") != ours["p"] or theirs.get("k", "rsa") != ours["k"]:
        return Finding(Health.FAIL, subject, "another key's record: every signature fails", mend)
    if "y" in theirs.get("t", "").split(":"):
        mend = "take t=y out once it works: receivers treat such mails as unsigned"
        return Finding(Health.WARN, subject, "published, for testing only", mend)
    return Finding(Health.OK, subject, "published, and the key's own")
