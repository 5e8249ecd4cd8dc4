"""What a foreign query may say, judged on the tree that DuckDB's own parser made of it. Pure.

The tree is what ``json_serialize_sql`` gives, which refuses everything but SELECT. Of that tree
every node has to be of a kind listed here: what a newer DuckDB adds is refused until somebody
has looked at it. Tables are plain names, of tables that are offered or of the query's own WITH.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mere.errors import ErrorCode, InvalidInput

__all__ = ["checked_tables"]

_NODES = frozenset(
    {
        "SELECT_NODE",
        "SET_OPERATION_NODE",
        "RECURSIVE_CTE_NODE",
        "CTE_NODE",
        "EMPTY",
        "BASE_TABLE",
        "SUBQUERY",
        "JOIN",
        "TABLE_FUNCTION",
        "EXPRESSION_LIST",
        "PIVOT",
        "SHOW_REF",
        "ORDER_MODIFIER",
        "DISTINCT_MODIFIER",
        "LIMIT_MODIFIER",
        "LIMIT_PERCENT_MODIFIER",
        # Directions of ORDER BY, whose elements have a "type", too.
        "ORDER_DEFAULT",
        "ASCENDING",
        "DESCENDING",
    }
)
_EXPRESSIONS = frozenset(
    {
        "BETWEEN",
        "CASE",
        "CAST",
        "COLLATE",
        "COLUMN_REF",
        "COMPARISON",
        "CONJUNCTION",
        "CONSTANT",
        "DEFAULT",
        "FUNCTION",
        "LAMBDA",
        "LAMBDA_REF",
        "OPERATOR",
        "PARAMETER",
        "POSITIONAL_REFERENCE",
        "STAR",
        "SUBQUERY",
        "TYPE",
        "WINDOW",
    }
)
_TABLE_FUNCTIONS = frozenset({"generate_series", "json_each", "json_tree", "range", "unnest"})
_FUNCTIONS_REFUSED = frozenset(
    {
        "current_connection_id",
        "current_query",
        "current_query_id",
        "current_setting",
        "current_transaction_id",
        "currval",
        "get_block_size",
        "getenv",
        "getvariable",
        "json_deserialize_sql",
        "json_execute_serialized_sql",
        "json_serialize_plan",
        "nextval",
        "query",
        "setseed",
        "setval",
        "sleep_ms",
        "stats",
        "txid_current",
        "vector_type",
        "write_log",
    }
)
_SHOWN = frozenset({'"tables"', "tables"})
_CTE_NAME = re.compile(r"\w{1,128}")
_DEPTH_MAX = 400


def checked_tables(tree: Mapping[str, Any], offered: Collection[str]) -> list[str]:
    """The offered tables that a query reads.

    Args:
        tree: What ``json_serialize_sql`` says of the query.
        offered: Names of the tables it may read.

    Raises:
        InvalidInput: It is no single SELECT, or says what it may not; `location` says where, as
            DuckDB does: ``[first byte,bytes]``.
    """
    if tree.get("error"):
        message = str(tree.get("error_message"))
        if tree.get("error_type") == "not implemented":
            message = "only one SELECT statement can be run here, nothing that changes or sets"
        raise _refused(message, tree.get("location"))
    statements = tree.get("statements") or []
    if len(statements) != 1:
        raise _refused(f"one SELECT statement can be run at once, and this is {len(statements)}")
    known = {name.casefold(): name for name in offered}
    own: set[str] = set()
    named: dict[str, str] = {}
    places: dict[str, str] = {}
    for part in _parts(statements[0]):
        own.update(_cte_names(part))
        kind = part.get("type")
        if "class" in part:
            _check_expression(part)
        elif isinstance(kind, str):
            _check_node(part, kind)
            if kind == "BASE_TABLE":
                name = _table_name(part)
                named[name.casefold()] = name
                places[name.casefold()] = _location(part)
    for folded, name in named.items():
        if folded not in known and folded not in own:
            listed = ", ".join(sorted(offered)) or "none"
            raise InvalidInput(
                ErrorCode.UNKNOWN_TABLE,
                f"there is no table {name!r} here: the tables are {listed}",
                table=name,
                location=places[folded],
            )
    return sorted(known[folded] for folded in named if folded in known)


def _parts(tree: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Every object of the tree."""
    left: list[tuple[Any, int]] = [(tree, 0)]
    while left:
        part, depth = left.pop()
        if depth > _DEPTH_MAX:
            raise _refused("the query is nested too deeply: split it up by WITH")
        if isinstance(part, dict):
            yield part
            left.extend((item, depth + 1) for item in part.values())
        elif isinstance(part, list):
            left.extend((item, depth + 1) for item in part)


def _cte_names(part: Mapping[str, Any]) -> Iterator[str]:
    entries = part.get("cte_map") or {}
    for entry in entries.get("map", ()) if isinstance(entries, dict) else ():
        name = str(entry.get("key"))
        # A file's name could stand for the file where the query's own table is out of reach.
        if not _CTE_NAME.fullmatch(name):
            raise _refused(f"{name!r} cannot be the name of a WITH: use letters, digits and _")
        yield name.casefold()


def _check_expression(part: Mapping[str, Any]) -> None:
    kind, at = part["class"], _location(part)
    if kind not in _EXPRESSIONS:
        raise _refused(f"expressions of the kind {str(kind).lower()} cannot be used here", at)
    name = str(part.get("function_name", "")).casefold()
    path = _path(part)
    if name and (len(path) > 1 or (path and path[0].casefold() != name)):
        raise _refused(f"function {'.'.join(path)} cannot be used here: leave out the schema", at)
    if name in _FUNCTIONS_REFUSED or name.startswith(("pg_", "duckdb_", "pragma_", "read_")):
        raise _refused(f"function {name} cannot be used here", at)


def _check_node(part: Mapping[str, Any], kind: str) -> None:
    if kind not in _NODES:
        raise _refused(
            f"{kind.removesuffix('_NODE').lower().replace('_', ' ')} cannot be used here: "
            "only SELECT can",
            _location(part),
        )
    if kind == "TABLE_FUNCTION":
        name = str((part.get("function") or {}).get("function_name", "")).casefold()
        if name not in _TABLE_FUNCTIONS:
            raise _refused(
                f"table function {name or '?'} cannot be used here: no files, no network and "
                "nothing of the engine's own can be read",
                _location(part),
            )
    if kind == "SHOW_REF" and "query" not in part and part.get("table_name") not in _SHOWN:
        raise _refused("SHOW knows TABLES here, and DESCRIBE and SUMMARIZE a table")


def _table_name(part: Mapping[str, Any]) -> str:
    path = _path(part)
    name = str(part.get("table_name"))
    if path != [name] or part.get("schema_name") or part.get("catalog_name"):
        raise _refused(
            f"table {'.'.join(path) or name} cannot be read here: leave out the schema",
            _location(part),
        )
    if "at_clause" in part:
        raise _refused("AT cannot be used here: ask for another state with as_of", _location(part))
    return name


def _path(part: Mapping[str, Any]) -> list[str]:
    return [str(name) for name in (part.get("qualified_name") or {}).get("path", ())]


def _location(part: Mapping[str, Any]) -> str:
    return f"[{part.get('query_location', -1)},{part.get('query_location_length', 0)}]"


def _refused(message: str, location: str | None = None) -> InvalidInput:
    return InvalidInput(ErrorCode.INVALID_QUERY, message, location=location)
