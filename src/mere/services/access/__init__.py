"""Who may do what: users, groups, tokens, sessions, grants, and the audit trail."""

from __future__ import annotations

__all__: list[str] = []
