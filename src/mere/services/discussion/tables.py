"""The tables of what people say to each other: comments, reviews of runs, what was read.

Whom a comment addresses, and who takes part in a thread, is read off the comments themselves:
there is no table of notices.
"""

from __future__ import annotations

from mere.lake import Column, Table

__all__ = ["DISCUSSION_TABLES"]

COMMENTS = Table(
    "comments",
    columns=(
        Column(
            "subject_id", "string", "the run_id, version_id, dataset_id or report_id it is about"
        ),
        Column("comment_id", "string", "a UUIDv7 as 32 hexadecimal digits: sorts by time"),
        Column("subject_kind", "string", "run, model, dataset or report"),
        Column("thread", "string", "the comment that it answers; null where it begins a thread"),
        Column("text", "string", "Markdown; null once it is deleted"),
        Column("written_by", "string", "the account that said it; local where sign-in is off"),
        Column("written_generation", "long", "of that account, as in users"),
        Column("mentions", "list<string>", "names in it of users and groups who may read it"),
        Column("told", "list<string>", "the users whom these names stood for"),
        Column("told_at", "timestamptz", "when the last of them was added"),
        Column("said_at", "timestamptz"),
        Column("edited_at", "timestamptz", "when its text was changed last"),
        Column("deleted_at", "timestamptz"),
        Column("deleted_by", "string"),
        Column("resolved_at", "timestamptz", "since when its thread is settled"),
        Column("resolved_by", "string"),
    ),
    key=("subject_id", "comment_id"),
    doc="what people said of runs, versions and reports",
)

RUN_REVIEWS = Table(
    "run_reviews",
    columns=(
        Column("run_id", "string"),
        Column("review_id", "string", "a UUIDv7 as 32 hexadecimal digits: sorts by time"),
        Column("state", "string", "requested, approved, rejected, or comment"),
        Column("comment", "string"),
        Column("reviewers", "list<string>", "the users whom a request asks"),
        Column("reviewed_by", "string", "the account that said it"),
        Column("reviewed_at", "timestamptz"),
    ),
    key=("run_id", "review_id"),
    doc="what people said of runs as their reviewers",
)

INBOX_READS = Table(
    "inbox_reads",
    columns=(
        Column("name", "string", "whose inbox"),
        Column("item", "string", "such as mention:<comment_id>; * for all there was then"),
        Column("read_at", "timestamptz"),
    ),
    key=("name", "item"),
    doc="which entries of their inboxes people have read",
)

DISCUSSION_TABLES = (COMMENTS, RUN_REVIEWS, INBOX_READS)
