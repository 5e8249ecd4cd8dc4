"""Short links: an address of the portal that is too long to be sent, under a digest of it.

A link never changes and is never deleted; it opens nothing that one may not read anyway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from mere.entities.actor import Action, Actor
from mere.entities.saved_view import ShareLink, check_address, link_id, scope_of_address
from mere.errors import ErrorCode, NotFound

if TYPE_CHECKING:
    from mere.clock import Clock
    from mere.lake import Lake
    from mere.services.access.access import Access
    from mere.services.sharing.reports import Reports

__all__ = ["Links"]


class Links:
    """The short links of one warehouse.

    Args:
        lake: Where they are stored.
        clock: For times.
        access: Who may read what.
        reports: Knows who may read a report.
    """

    def __init__(self, lake: Lake, clock: Clock, access: Access, reports: Reports) -> None:
        self._lake = lake
        self._clock = clock
        self._access = access
        self._reports = reports

    def make(self, actor: Actor, address: str) -> ShareLink:
        """The link to an address; the same one each time.

        Raises:
            InvalidInput: It is no address of a page.
            PermissionDenied: They may not read that page themselves.
        """
        self._authorize(actor, check_address(address))
        name = link_id(address)
        if self._lake.get("share_links", name) is None:
            now = self._clock.now_us()
            row = {"link_id": name, "address": address, "made_by": actor.name, "made_at": now}
            self._lake.patch("share_links", [row])
        return ShareLink(name, address)

    def resolve(self, actor: Actor, name: str) -> ShareLink:
        """The address that a link stands for.

        Raises:
            NotFound: There is no such link.
            PermissionDenied: They may not read the page it leads to.
        """
        row = self._lake.get("share_links", name)
        if row is None:
            raise NotFound(
                ErrorCode.LINK_NOT_FOUND,
                f"there is no link {name[:60]!r}: it may have been cut short",
                link_id=name[:60],
            )
        self._authorize(actor, row["address"])
        return ShareLink(row["link_id"], row["address"])

    def _authorize(self, actor: Actor, address: str) -> None:
        words = urlsplit(address).path.split("/")
        if len(words) > 2 and words[1] == "reports" and words[2]:
            self._reports.get(actor, unquote(words[2]))
        else:
            self._access.authorize(actor, Action.READ, scope_of_address(address))
