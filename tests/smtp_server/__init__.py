"""A scripted SMTP relay: fast when it behaves, and it misbehaves on demand.

    with ScriptedRelay(Rule(At.RCPT, "550 5.1.1 no such user", recipient="gone@")) as relay:
        ...  # submit to 127.0.0.1:relay.port
    assert relay.accepted == 3

It runs in a thread of its own, or as ``python -m tests.smtp_server --port 0``.
"""

from tests.smtp_server.certificates import Certificate, self_made_certificate
from tests.smtp_server.proxy import DelayingProxy
from tests.smtp_server.relay import Received, ScriptedRelay
from tests.smtp_server.script import Act, At, Rule, Traits

__all__ = [
    "Act",
    "At",
    "Certificate",
    "DelayingProxy",
    "Received",
    "Rule",
    "ScriptedRelay",
    "Traits",
    "self_made_certificate",
]
