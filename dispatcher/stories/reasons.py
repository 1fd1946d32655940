"""Why something became of a delivery, and what would help, in words for people."""

from collections.abc import Mapping
from typing import Final

from dispatcher.delivery import DeadReason, DeferReason, Phase, SkipReason

PHASES: Final[Mapping[str, str]] = {
    Phase.CONNECT: "could not be reached",
    Phase.GREETING: "did not greet",
    Phase.EHLO: "did not accept our EHLO",
    Phase.TLS: "could not be spoken to over TLS",
    Phase.AUTH: "did not accept the credentials",
    Phase.MAIL: "did not take the sender",
    Phase.RCPT: "did not take the recipient",
    Phase.DATA: "did not take the message",
    Phase.FINAL: "did not confirm the message",
}

BECAUSE: Final[Mapping[str, str]] = {
    SkipReason.POLICY_OFF: "its policy says that people are not told",
    SkipReason.POLICY_UNSET: "there is no policy for it, and without one nobody is told",
    SkipReason.DUPLICATE: "it is a second copy of an event that is already known",
    SkipReason.NO_RECIPIENT: "there is no address to send to",
    SkipReason.USER_INACTIVE: "the user is not active",
    SkipReason.SUPPRESSED: "the address is suppressed",
    SkipReason.FOLDED: "it is one of several changes that another mail tells of together",
    DeferReason.TEMPORARY: "the relay said not now",
    DeferReason.THROTTLED: "the relay wants to be sent less at a time",
    DeferReason.RELAY_UNAVAILABLE: "the relay cannot serve anyone now",
    DeferReason.UNCERTAIN: "the relay got the whole message and did not answer",
    DeferReason.SENDER_UNREADABLE: "what the organization set as its sender cannot be read",
    DeferReason.DIRECTORY_UNAVAILABLE: "the directory that knows the address does not answer",
    DeferReason.DIRECTORY_REFUSED: "the directory that knows the address does not let us in",
    DeferReason.DIRECTORY_THROTTLED: "the directory that knows the address wants to be asked less",
    DeferReason.CONNECTION_UNREADABLE: "what opens its connection's directory cannot be read",
    DeferReason.STORE_UNAVAILABLE: "the store was away",
    DeferReason.INTERNAL_ERROR: "an error of our own came in between",
    DeferReason.FOLDING: "it tells of further changes together when DISPATCHER_FOLD_WINDOW ends",
    DeadReason.MALFORMED: "the event breaks the rules of its format",
    DeadReason.REJECTED_RECIPIENT: "the relay refuses this address for good",
    DeadReason.REJECTED_MESSAGE: "the relay refuses this message for good",
    DeadReason.RENDER_ERROR: "the mail could not be rendered",
    DeadReason.EXPIRED: "it was still undelivered at the end of DISPATCHER_MAX_AGE",
    DeadReason.ATTEMPTS: "every attempt ended in an unexplained failure",
}

ADVICE: Final[Mapping[str, str]] = {
    SkipReason.POLICY_OFF: (
        "If people of {org} are to be told: `dispatcher policy set {org} on`. "
        "It counts from the next event on."
    ),
    SkipReason.POLICY_UNSET: (
        "If people of {org} are to be told: `dispatcher policy set {org} on`, "
        "or for every organization without a policy: `dispatcher policy default set on`."
    ),
    SkipReason.SUPPRESSED: "If the address works again: {allow}. It counts from the next event on.",
    SkipReason.FOLDED: "`dispatcher why` the event that is named above tells what became of it.",
    DeferReason.FOLDING: "Nothing needs to be done: it goes when the window ends.",
    SkipReason.NO_RECIPIENT: (
        "Let the producer send the user's address as user.email, or give its connection a "
        "directory: `dispatcher connection change {connection} --directory KIND URL`."
    ),
    DeferReason.TEMPORARY: "Nothing needs to be done: it is tried again by itself.",
    DeferReason.THROTTLED: (
        "Nothing needs to be done: it is tried again by itself, more slowly. No attempt is spent."
    ),
    DeferReason.RELAY_UNAVAILABLE: (
        "`dispatcher doctor` tests the relay. No attempt is spent while it is away."
    ),
    DeferReason.UNCERTAIN: (
        "Nothing needs to be done: it is sent again under the same Message-ID, "
        "so that the mailbox can recognise a second copy."
    ),
    DeferReason.SENDER_UNREADABLE: (
        "Give the workers the key that {org}'s credentials were encrypted with "
        "(DISPATCHER_ENCRYPTION_KEYS), or set them again: `dispatcher sender set {org}`. "
        "No attempt is spent."
    ),
    DeferReason.DIRECTORY_UNAVAILABLE: (
        "`dispatcher connection test {connection}` asks the directory. "
        "No attempt is spent while it is away."
    ),
    DeferReason.DIRECTORY_REFUSED: (
        "`dispatcher connection test {connection}` says what the directory minds: its secret has "
        "ended, or lacks a right. No attempt is spent."
    ),
    DeferReason.DIRECTORY_THROTTLED: (
        "Nothing needs to be done: it is asked again by itself. No attempt is spent."
    ),
    DeferReason.CONNECTION_UNREADABLE: (
        "Give the workers the key that the connection's secrets were encrypted with "
        "(DISPATCHER_ENCRYPTION_KEYS). No attempt is spent."
    ),
    DeferReason.STORE_UNAVAILABLE: "`dispatcher doctor` tests the store.",
    DeferReason.INTERNAL_ERROR: "The worker's log has the error; it is tried again by itself.",
    DeadReason.MALFORMED: ("Mend the producer and send the event again; it may use the same id."),
    DeadReason.REJECTED_RECIPIENT: (
        "Check the user's address in the IAM; if the relay was wrong: {resend}."
    ),
    DeadReason.REJECTED_MESSAGE: (
        "The relay's reply says what it minds: size, content, sender. When that is mended: "
        "{resend}."
    ),
    DeadReason.RENDER_ERROR: "Mend the template, then: {resend}.",
    DeadReason.EXPIRED: (
        "If the news is still worth telling: {resend}. It is then tried for another "
        "DISPATCHER_MAX_AGE."
    ),
    DeadReason.ATTEMPTS: "The worker's log has the error; when it is mended: {resend}.",
}
