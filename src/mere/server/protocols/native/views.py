"""Saved views and short links."""

from __future__ import annotations

import msgspec

from mere.entities.actor import Action, Scope
from mere.entities.saved_view import SavedView, ShareLink, ViewDraft, Visibility
from mere.server.operations import Call, Permission
from mere.server.protocols.native.wire import operation

__all__ = ["OPERATIONS"]

# Which experiment a view is of, the service looks up: it decides who may do what.
_ANYTHING = Permission(Action.READ, lambda call: Scope.anything())  # noqa: ARG005
_ALL = "/api/v1/views"
_ONE = "/api/v1/views/{view_id}"


class ViewsQuery(msgspec.Struct):
    """Of which page, and of which experiment where it is of one."""

    page: str = ""
    experiment: str | None = None


class NewView(msgspec.Struct):
    """What to save.

    Args:
        page: Of which page, such as ``explore``.
        name: What to call it.
        experiment: Of which experiment, where the page is of one.
        state: The address behind its ``?``.
        visibility: ``private`` or ``shared``.
        is_locked: Whether only its owner and admins change it.
        forked_from: The view that it began as.
    """

    page: str = ""
    name: str = ""
    experiment: str | None = None
    state: str = ""
    visibility: Visibility = Visibility.PRIVATE
    is_locked: bool = False
    forked_from: str | None = None


class ViewId(msgspec.Struct):
    """Which view."""

    view_id: str = ""


class ViewChange(msgspec.Struct):
    """What to change of a view; what is not given stays.

    Args:
        was: The revision that was changed; where it is another by now, nothing is written.
        view_id: Which view.
        name: What to call it.
        state: The address behind its ``?``.
        visibility: ``private`` or ``shared``.
        is_locked: Whether only its owner and admins change it.
    """

    was: int
    view_id: str = ""
    name: str | None = None
    state: str | None = None
    visibility: Visibility | None = None
    is_locked: bool | None = None


class ViewStar(msgspec.Struct):
    """Whether to mark a view for oneself."""

    is_starred: bool
    view_id: str = ""


class ViewDefault(msgspec.Struct):
    """Whether the page begins with a view."""

    is_default: bool
    view_id: str = ""


class ViewList(msgspec.Struct):
    """The views of a page: those marked first, then by name."""

    views: list[SavedView]


class NewLink(msgspec.Struct):
    """What a link stands for: a path of the portal, with what is behind its ``?``."""

    address: str = ""


class LinkId(msgspec.Struct):
    """Which link."""

    link_id: str = ""


@operation("GET", _ALL, permission=_ANYTHING, request=ViewsQuery, answer=ViewList)
def list_views(call: Call) -> ViewList:
    """The saved views of a page that the caller may see."""
    data: ViewsQuery = call.data
    return ViewList(call.warehouse.saved_views.list(call.actor, data.page, data.experiment))


@operation("POST", _ALL, permission=_ANYTHING, request=NewView, answer=SavedView)
def create_view(call: Call) -> SavedView:
    """Save what a page shows."""
    data: NewView = call.data
    draft = ViewDraft(
        name=data.name,
        state=data.state,
        visibility=data.visibility,
        is_locked=data.is_locked,
    )
    return call.warehouse.saved_views.create(
        call.actor,
        data.page,
        draft,
        experiment_id=data.experiment,
        forked_from=data.forked_from,
    )


@operation("GET", _ONE, permission=_ANYTHING, request=ViewId, answer=SavedView)
def get_view(call: Call) -> SavedView:
    """One saved view."""
    return call.warehouse.saved_views.get(call.actor, call.data.view_id)


@operation("PATCH", _ONE, permission=_ANYTHING, request=ViewChange, answer=SavedView)
def change_view(call: Call) -> SavedView:
    """Change a saved view; refused where somebody else changed it meanwhile."""
    data: ViewChange = call.data
    draft = ViewDraft(
        name=data.name,
        state=data.state,
        visibility=data.visibility,
        is_locked=data.is_locked,
    )
    return call.warehouse.saved_views.change(call.actor, data.view_id, draft, was=data.was)


@operation("DELETE", _ONE, permission=_ANYTHING, request=ViewId, status=204, sends={204: ""})
def delete_view(call: Call) -> None:
    """Delete a saved view; it can be restored."""
    call.warehouse.saved_views.delete(call.actor, call.data.view_id)


@operation("POST", f"{_ONE}/restore", permission=_ANYTHING, request=ViewId, answer=SavedView)
def restore_view(call: Call) -> SavedView:
    """Take a saved view back that was deleted."""
    return call.warehouse.saved_views.restore(call.actor, call.data.view_id)


@operation("PUT", f"{_ONE}/star", permission=_ANYTHING, request=ViewStar, answer=SavedView)
def star_view(call: Call) -> SavedView:
    """Mark a saved view for oneself, or no more."""
    data: ViewStar = call.data
    views = call.warehouse.saved_views
    return views.star(call.actor, data.view_id, is_starred=data.is_starred)


@operation("PUT", f"{_ONE}/default", permission=_ANYTHING, request=ViewDefault, answer=SavedView)
def set_default_view(call: Call) -> SavedView:
    """Let the page begin with a saved view, or no more."""
    data: ViewDefault = call.data
    views = call.warehouse.saved_views
    return views.set_default(call.actor, data.view_id, is_default=data.is_default)


@operation("POST", "/api/v1/links", permission=_ANYTHING, request=NewLink, answer=ShareLink)
def make_link(call: Call) -> ShareLink:
    """The short link to an address of the portal; the same one each time."""
    return call.warehouse.links.make(call.actor, call.data.address)


@operation("GET", "/api/v1/links/{link_id}", permission=_ANYTHING, request=LinkId, answer=ShareLink)
def get_link(call: Call) -> ShareLink:
    """The address that a short link stands for."""
    return call.warehouse.links.resolve(call.actor, call.data.link_id)


OPERATIONS = (
    list_views,
    create_view,
    get_view,
    change_view,
    delete_view,
    restore_view,
    star_view,
    set_default_view,
    make_link,
    get_link,
)
