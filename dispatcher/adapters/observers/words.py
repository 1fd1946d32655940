"""An outcome in the words of the interface."""

from dispatcher.delivery import Dead, Deferred, Outcome, Sent, Skipped


def words(outcome: Outcome) -> tuple[str, str]:
    """Return an outcome and its reason as words."""
    match outcome:
        case Sent():
            return "sent", ""
        case Skipped(reason):
            return "skipped", reason.value
        case Deferred(reason):
            return "deferred", reason.value
        case Dead(reason):
            return "dead", reason.value
