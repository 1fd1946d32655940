"""Dead letters: listed, and sent again or dropped once a person has confirmed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dispatcher.access import Permission
from dispatcher.stories.story import tell
from dispatcher.web.console.desk import Console, back_to
from dispatcher.web.console.queries import PERIODS, as_api, as_asked
from dispatcher.web.console.views import link
from dispatcher.web.console.visits import Visitor
from dispatcher.web.delivery_query import query_of


@dataclass(frozen=True, slots=True)
class LetterPages:
    """Shows and changes dead letters.

    Args:
        console: What pages are made from.
    """

    console: Console

    async def list(self, request: Request, visitor: Visitor) -> Response:
        """Show a page of them."""
        query = query_of(as_api(request, self.console.clock), visitor.caller)
        found = await self.console.letters.page(query)
        return self.console.page(
            request,
            "letters",
            visitor,
            found=found,
            asked=as_asked(request),
            is_later_page=bool(query.cursor),
            periods=PERIODS,
            sees_all=visitor.caller.sees(Permission.DELIVERY_READ) is None,
            done=request.query_params.get("done", ""),
        )

    async def confirm_resend(self, request: Request, visitor: Visitor) -> Response:
        """Ask whether one shall be sent again."""
        return await self._confirm(request, visitor, "resend")

    async def confirm_drop(self, request: Request, visitor: Visitor) -> Response:
        """Ask whether one shall be dropped."""
        return await self._confirm(request, visitor, "drop")

    async def resend(
        self, request: Request, visitor: Visitor, fields: Mapping[str, str]
    ) -> Response:
        """Make one due at once."""
        desk, caller = self.console.letters, visitor.caller
        letter = await desk.named(request, caller, Permission.DEAD_LETTER_WRITE)
        await desk.revive(letter, caller, as_it_was="as_it_was" in fields)
        return back_to(link("delivery", letter.event_id, org=letter.org_id, done="resent"))

    async def drop(self, request: Request, visitor: Visitor, _: Mapping[str, str]) -> Response:
        """Close one for good."""
        desk, caller = self.console.letters, visitor.caller
        letter = await desk.named(request, caller, Permission.DEAD_LETTER_WRITE)
        await desk.remove(letter, caller)
        return back_to(link("dead-letters", done="dropped"))

    async def _confirm(self, request: Request, visitor: Visitor, purpose: str) -> Response:
        letter = await self.console.letters.named(
            request, visitor.caller, Permission.DEAD_LETTER_WRITE
        )
        return self.console.page(
            request,
            "confirm",
            visitor,
            purpose=purpose,
            letter=letter,
            told=tell(letter, now=self.console.clock.now()),
        )


def letter_pages(console: Console) -> Sequence[Route]:
    """Return the routes of dead letters."""
    pages, event = LetterPages(console), "{event_id:path}"
    return (
        Route("/dead-letters", console.shown(pages.list)),
        Route(f"/resend/{event}", console.shown(pages.confirm_resend)),
        Route(f"/resend/{event}", console.done("resend", pages.resend), methods=["POST"]),
        Route(f"/drop/{event}", console.shown(pages.confirm_drop)),
        Route(f"/drop/{event}", console.done("drop", pages.drop), methods=["POST"]),
    )
