from __future__ import annotations

import pytest

from mere.errors import ErrorCode, InvalidInput
from mere.search.pages import Cursor, read_token, write_token
from mere.search.parser import (
    NESTING_MAX,
    ORDER_KEYS_MAX,
    TERMS_MAX,
    VALUES_MAX,
    parse_filter,
    parse_order,
)
from mere.search.schema import EXPERIMENTS, RUNS, Entity
from mere.search.sql import Parameters, compile_filter, compile_order
from mere.search.syntax import And, Comparison, LiteralKind, Not, Operator, Or


def compiled(text: str, entity: Entity = RUNS) -> tuple[str | None, list[object]]:
    parameters = Parameters(1_000_000)
    sql, _ = compile_filter(entity, text, parameters)
    return sql, list(parameters.values.values())


def refused(text: str, entity: Entity = RUNS) -> tuple[str, str]:
    """The message of a refusal, and what the carets stand under."""
    with pytest.raises(InvalidInput) as caught:
        compiled(text, entity)
    assert caught.value.code is ErrorCode.INVALID_QUERY
    message, line, carets = caught.value.message.split("\n")
    start = len(carets) - len(carets.lstrip())
    assert set(carets.strip()) == {"^"}
    return message, line[start : len(carets)].strip()


ERRORS = [
    ("acc > 0.9", "acc", "did you mean `metrics.acc`, `params.acc` or `tags.acc`?"),
    ("metrcs.acc > 1", "metrcs.acc", "did you mean `metrics.acc`?"),
    ("Metrics.acc > 1", "Metrics.acc", "did you mean `metrics.acc`?"),
    ("colour.acc > 1", "colour.acc", "use one of metrics., params., tags., datasets., attributes."),
    ("statuss = 'x'", "statuss", "did you mean `status`?"),
    ("status = 'a' and START_TIME > 5", "START_TIME", "did you mean `start_time`?"),
    ("attribute.nonsense = 'x'", "attribute.nonsense", "no attribute 'nonsense'"),
    ("metrics.acc > 'high'", "'high'", "expected a number"),
    ("metrics.acc like '1%'", "like '1%'", "LIKE compares text"),
    ("metrics.acc > nan", "nan", "IS NAN"),
    ("params.model = cnn", "cnn", "text needs quotes: 'cnn'"),
    ("params.lr > '0.01'", "'0.01'", "without quotes: 0.01"),
    ("params.lr between '0.1' and 'b'", "'0.1'", "without quotes"),
    ("params.model is nul", "nul", "expected NULL"),
    ("params.model is nan or name is nan", "is nan", "asks of numbers"),
    ("name = 5", "5", "expected text in quotes"),
    ("start_time > 'yesterday'", "'yesterday'", "now() - 7d"),
    ("start_time > now() - 7", "7", "a duration such as 7d"),
    ("start_time > now() - 7y", "7y", "ms, s, m (minutes), h, d or w"),
    ("start_time > now() - 999999999d", "999999999d", "100000d at most"),
    ("start_time between 5 and '2026-01-01'", "'2026-01-01'", "milliseconds"),
    ("duration > 'long'", "'long'", "a duration"),
    ("datasets.size > 5", "datasets.size", "datasets.name, datasets.digest, datasets.context"),
    ("avg(metrics.acc) > 5", "avg(metrics.acc)", "min(metrics.…)"),
    ("min(params.lr) > 5", "min(params.lr)", "number(params.…)"),
    ("max(status) > 5", "status", "max(metrics.acc)"),
    ("metrics.acc", "", "found the end"),
    ("metrics.acc >", "", "expected a value behind >"),
    ("metrics.acc 5", "5", "expected =, !="),
    ("metrics.acc not > 5", ">", "behind NOT"),
    ("metrics.acc in 5", "5", "expected ( behind IN"),
    ("metrics.acc in ()", ")", "expected a value"),
    ("metrics.acc in (1 2)", "2", "expected ) or a comma"),
    ("metrics.acc between 1 or 2", "or", "expected AND between the two bounds"),
    ("(metrics.acc > 1", "", "expected )"),
    ("metrics.acc > 1)", ")", "expected AND, OR or the end"),
    ("metrics.acc > 1 params.a = 'b'", "params.a", "expected AND, OR or the end"),
    ("and metrics.acc > 1", "and", "expected a name"),
    ("metrics.acc > 1 and", "", "expected a name"),
    ("params.a = 'b", "'b", "not closed"),
    ("metrics.`a > 1", "`a > 1", "not closed"),
    ("metrics['a'> 1", ">", "expected ]"),
    ("metrics. > 1", "metrics.", "expected a key"),
    ("metrics.a > 1; drop table runs", ";", "means nothing here"),
    ("metrics.a > 1 # why", "#", "means nothing here"),
    ("metrics.a > 1e", "1e", "expected a number"),
    ("metrics.a > 0x10", "0x10", "expected a number"),
    ("metrics.a > --1", "-", "expected a value"),
]


@pytest.mark.parametrize(("text", "pointed", "advice"), ERRORS)
def test_an_error_points_at_the_token_and_says_what_to_do(
    text: str, pointed: str, advice: str
) -> None:
    message, marked = refused(text)
    assert advice in message
    assert marked == pointed


def test_an_error_in_a_long_filter_shows_its_surroundings() -> None:
    text = " and ".join(["metrics.accuracy > 0.5"] * 20 + ["oops.x > 1"] + ["name = 'x'"] * 20)
    message, marked = refused(text)
    assert "oops." in message
    assert marked == "oops.x"
    with pytest.raises(InvalidInput) as caught:
        compiled(text)
    line = caught.value.message.split("\n")[1]
    assert line.startswith("  …")
    assert line.endswith("…")
    assert len(line) < 130
    assert caught.value.details["start"] == text.index("oops")


def test_carets_stand_right_behind_wide_letters_and_line_ends() -> None:
    with pytest.raises(InvalidInput) as caught:
        compiled("name = '日本'\n\tand oops.x > 1")
    _, line, carets = caught.value.message.split("\n")
    assert line == "  name = '日本'  and oops.x > 1"
    # Each of the two letters takes two columns.
    assert carets.index("^") == line.index("oops") + 2


def test_precedence_and_words_in_any_case() -> None:
    tree, _ = parse_filter("status = 'a' Or NOT status = 'b' aNd not not (name = 'c' or id = 'd')")
    assert isinstance(tree, Or)
    first, second = tree.terms
    assert isinstance(first, Comparison)
    assert isinstance(second, And)
    assert isinstance(second.terms[0], Not)
    assert isinstance(second.terms[0].term, Comparison)
    assert isinstance(second.terms[1], Not)
    assert isinstance(second.terms[1].term, Not)
    assert isinstance(second.terms[1].term.term, Or)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("metrics.acc", "acc"),
        ("metrics.val/acc", "val/acc"),
        ("metrics.a.b-c:d@e[0]%", "a.b-c:d@e[0]%"),
        ("metrics.1", "1"),
        ("metrics.and", "and"),
        ("metrics.`two words`", "two words"),
        ("metrics.`a``b`", "a`b"),
        ('metrics."it\'s ""so"""', 'it\'s "so"'),
        ("metrics.'a''b'", "a'b"),
        ("metrics['a''b']", "a'b"),
        ('metrics["a`b"]', "a`b"),
        ("`metrics`.`a`", "a"),
        ("metrics.日本", "日本"),
    ],
)
def test_ways_to_write_a_key(written: str, key: str) -> None:
    sql, values = compiled(f"{written}>-1.5")
    assert sql == "(metrics[$s0] > $s1 and not isnan(metrics[$s0]))"
    assert values == [key, -1.5]
    ((order, _),) = parse_order(f"{written} desc")
    assert (order.name.key, order.is_descending) == (key, True)


def test_nothing_written_by_a_caller_stands_in_the_sql() -> None:
    evil = "x'); drop table runs; --"
    text = " and ".join(
        f"{prefix}.`{evil}` {operator} {value}"
        for prefix in ("params", "tags")
        for operator, value in (("=", f'"{evil}"'), ("like", f'"{evil}"'), ("in", f'("{evil}")'))
    )
    sql, values = compiled(text)
    assert sql is not None
    assert "drop" not in sql
    assert evil in values
    assert [evil] in values


def test_values() -> None:
    def values(text: str) -> list[object]:
        tree, _ = parse_filter(f"metrics.a in ({text})")
        assert isinstance(tree, Comparison)
        return [value.value for value in tree.values]

    assert values("1, +2, -3, .5, 1., 1e-3, -1.5E+2, - 4") == [1, 2, -3, 0.5, 1.0, 0.001, -150, -4]
    assert values("inf, -inf, Infinity") == [float("inf"), float("-inf"), float("inf")]
    assert values("9223372036854775807,") == [2**63 - 1]
    assert values("9" * 400) == [float("inf")]
    assert values("'it''s', \"a\"\"b\", ''") == ["it's", 'a"b', ""]
    assert values("90s, 1.5h, 2ms, 1w") == [90e6, 5400e6, 2000, 7 * 86400e6]


def test_times_are_moments_or_milliseconds() -> None:
    assert compiled("start_time > 5")[1] == [5]
    sql, values = compiled("start_time > '1970-01-01T00:00:01+00:00'")
    assert sql == "(started_at > make_timestamptz($s0::bigint))"
    assert values == [1_000_000]
    assert compiled("started_at >= '1970-01-02'")[1] == [86_400_000_000]
    assert compiled("started_at >= '1970-01-02T02:00:00+02:00'")[1] == [86_400_000_000]
    assert compiled("started_at < now()")[1] == [1_000_000]
    assert compiled("started_at < now() + 1s - 500ms")[1] == [1_500_000]
    tree, _ = parse_filter("started_at > NOW ( )-7d")
    assert isinstance(tree, Comparison)
    assert tree.values[0].kind is LiteralKind.MOMENT


def test_a_status_is_known_in_any_case_and_a_pattern_is_left_alone() -> None:
    assert compiled("status = 'finished'")[1] == ["FINISHED"]
    assert compiled("status in ('finished', 'Failed')")[1] == [["FINISHED", "FAILED"]]
    assert compiled("status =~ '(?i)f\\w+'")[1] == ["(?i)f\\w+"]


def test_an_empty_filter_has_no_condition() -> None:
    assert compiled("") == (None, [])
    assert compiled(" \n\t") == (None, [])
    assert parse_order(["", " "]) == []


def test_the_limits_are_kept_and_nesting_blows_no_stack() -> None:
    term = "metrics.a > 1"
    compiled("(" * NESTING_MAX + term + ")" * NESTING_MAX)
    for opening in ("(", "not ", "not("):
        message, _ = refused(opening * 20_000 + term)
        assert f"deeper than {NESTING_MAX}" in message
    assert "expected max(metrics.acc)" in refused("max(" * 20_000 + term)[0]
    compiled(" and ".join([term] * TERMS_MAX))
    assert f"more than {TERMS_MAX}" in refused(" or ".join([term] * (TERMS_MAX + 1)))[0]
    compiled(f"metrics.a in ({', '.join(['1'] * VALUES_MAX)})")
    assert f"more than {VALUES_MAX}" in refused(f"metrics.a in ({'1,' * (VALUES_MAX + 1)})")[0]
    assert "10,000 at most" in refused(f"name = '{'x' * 10_001}'")[0]
    with pytest.raises(InvalidInput, match="200,000") as caught:
        compiled(" " * 200_001)
    assert caught.value.code is ErrorCode.LIMIT_EXCEEDED
    with pytest.raises(InvalidInput, match=f"may have {ORDER_KEYS_MAX}"):
        parse_order(["name"] * (ORDER_KEYS_MAX + 1))
    with pytest.raises(InvalidInput, match="pass a string"):
        parse_filter(5)  # type: ignore[arg-type]
    assert "surrogate" in refused("name = '\ud800'")[0]


def test_entities_have_their_own_names() -> None:
    assert "did you mean `tags.acc`?" in refused("acc > 1", EXPERIMENTS)[0]
    assert "metrics. is nothing an experiment has" in refused("metrics.acc > 1", EXPERIMENTS)[0]
    assert compiled("experiment.name = 'x'", EXPERIMENTS)[0] == "(name = $s0)"


@pytest.mark.parametrize(
    "order",
    [
        "metrics.acc sideways",
        "metrics.acc DESC NULLS LAST",
        "metrics.acc,",
        "metrics.acc - metrics.loss",
        "nonsense",
        "datasets.name",
        "1",
    ],
)
def test_orders_that_make_no_sense(order: str) -> None:
    with pytest.raises(InvalidInput, match="order: "):
        compile_order(RUNS, order, Parameters(0))


def test_an_order_is_completed_until_no_two_rows_are_equal() -> None:
    def terms(order: object) -> list[tuple[str, bool]]:
        found = compile_order(RUNS, order, Parameters(0))
        return [(term.expression, term.is_descending) for term in found]

    rest = [("epoch_us(started_at)", True), ("run_id", False)]
    assert terms(None) == rest
    assert terms("name desc, name asc") == [("name", True), *rest]
    assert terms(["created", "run_id desc"]) == [("epoch_us(started_at)", False), ("run_id", True)]


def test_a_token_is_good_for_its_query_alone() -> None:
    terms = compile_order(RUNS, "metrics.a", Parameters(0))
    cursor = Cursor(5, (float("inf"), None, "a" * 32))
    token = write_token(["q", 1, None], cursor)
    assert read_token(["q", 1, None], token, terms) == cursor
    assert token.isascii()
    for query, given in (
        (["q", 2, None], token),
        (["q", 1, None], token[:-1]),
        (["q", 1, None], token[:-2] + "AA"),
        (["q", 1, None], ""),
        (["q", 1, None], "…"),
        (["q", 1, None], "!!!!"),
        (["q", 1, None], "A" * 200_000),
    ):
        with pytest.raises(InvalidInput, match="page token"):
            read_token(query, given, terms)
    with pytest.raises(InvalidInput, match="page token"):
        read_token(["q", 1, None], token, terms[1:])


def test_operators_have_synonyms() -> None:
    for text, operator in (("<>", Operator.UNEQUAL), ("==", Operator.EQUAL)):
        tree, _ = parse_filter(f"name {text} 'x'")
        assert isinstance(tree, Comparison)
        assert tree.operator is operator
