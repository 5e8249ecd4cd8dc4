"""The tables of what people share: saved views, links to addresses, reports and their data.

What was deleted keeps its row, so that it can be restored: ask for ``lifecycle = 'active'``.
"""

from __future__ import annotations

from mere.lake import Column, Table

__all__ = ["SHARING_TABLES"]

SAVED_VIEWS = Table(
    "saved_views",
    columns=(
        Column("view_id", "string", "a UUIDv7 as 32 hexadecimal digits"),
        Column("name", "string"),
        Column("page", "string", "of which page of the portal, such as explore"),
        Column("experiment_id", "string", "null where the page is of none"),
        Column("state", "string", "the address of the page behind its ?"),
        Column("visibility", "string", "private or shared"),
        Column("is_locked", "boolean", "whether only its owner and admins change it"),
        Column("owner", "string", "the account that made it"),
        Column("forked_from", "string", "the view that it began as"),
        Column("revision", "long", "counts its changes"),
        Column("changed_by", "string"),
        Column("changed_at", "timestamptz"),
        Column("lifecycle", "string", "active or deleted"),
    ),
    key=("view_id",),
    doc="what pages of the portal show, under names",
)

VIEW_STARS = Table(
    "view_stars",
    columns=(
        Column("view_id", "string"),
        Column("name", "string", "the account that marked the view"),
        Column("is_starred", "boolean"),
    ),
    key=("view_id", "name"),
    doc="which saved views people marked for themselves",
)

VIEW_DEFAULTS = Table(
    "view_defaults",
    columns=(
        Column("page", "string"),
        Column("experiment_id", "string", "empty where the page is of none"),
        Column("view_id", "string", "null where there is none any more"),
        Column("set_by", "string"),
        Column("set_at", "timestamptz"),
    ),
    key=("page", "experiment_id"),
    doc="the saved views that pages begin with",
)

SHARE_LINKS = Table(
    "share_links",
    columns=(
        Column("link_id", "string", "a digest of the address"),
        Column("address", "string", "a path of the portal, with what is behind its ?"),
        Column("made_by", "string"),
        Column("made_at", "timestamptz"),
    ),
    key=("link_id",),
    doc="short links to addresses of the portal; they never change",
)

REPORTS = Table(
    "reports",
    columns=(
        Column("report_id", "string", "a UUIDv7 as 32 hexadecimal digits"),
        Column("title", "string"),
        Column("owner", "string", "the account that wrote it first"),
        Column("editors", "list<string>", "others who may change it"),
        Column("version", "long", "the newest version"),
        Column("published", "long", "the version that readers see; null while it is a draft"),
        Column("experiments", "list<string>", "the experiments that the newest version shows"),
        Column("excerpt", "string", "how the newest version begins"),
        Column("published_title", "string", "the title of the version that readers see"),
        Column("published_excerpt", "string", "how that version begins"),
        Column("published_experiments", "list<string>", "the experiments that that version shows"),
        Column("revision", "long", "counts all changes, those of the text and others"),
        Column("changed_by", "string"),
        Column("changed_at", "timestamptz"),
        Column("lifecycle", "string", "active or deleted"),
    ),
    key=("report_id",),
    doc="reports, without their texts",
)

REPORT_VERSIONS = Table(
    "report_versions",
    columns=(
        Column("report_id", "string"),
        Column("version", "long", "counts from 1 in each report"),
        Column("title", "string"),
        Column("body", "string", "Markdown with fenced blocks that describe panels"),
        Column("chars", "long", "how long the body is"),
        Column("experiments", "list<string>", "the experiments it shows"),
        Column("restored_from", "long", "the version whose text it has again"),
        Column("saved_by", "string"),
        Column("saved_at", "timestamptz"),
    ),
    key=("report_id", "version"),
    doc="the texts of reports: each time one is saved, a version",
)

REPORT_PINS = Table(
    "report_pins",
    columns=(
        Column("pin_id", "string", "a digest of the data, and of when and by whom it was pinned"),
        Column("experiments", "list<string>", "who reads it may read all of these"),
        Column("needs_everything", "boolean", "whether who reads it may read everything"),
        Column("location", "string", "the object's key, relative to the warehouse"),
        Column("size", "long", "bytes, compressed"),
        Column("pinned_by", "string"),
        Column("pinned_at", "timestamptz"),
    ),
    key=("pin_id",),
    doc="data that panels of reports show as it was at a moment",
)

SHARING_TABLES = (
    SAVED_VIEWS,
    VIEW_STARS,
    VIEW_DEFAULTS,
    SHARE_LINKS,
    REPORTS,
    REPORT_VERSIONS,
    REPORT_PINS,
)
