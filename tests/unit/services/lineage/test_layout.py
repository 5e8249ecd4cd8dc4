"""Where the nodes of a graph stand."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from mere.services.lineage.layout import Layouts, lay_out


def test_a_chain_is_one_row() -> None:
    found = lay_out(4, [(0, 1), (1, 2), (2, 3)])
    assert found.columns == [0, 1, 2, 3]
    assert set(found.rows) == {0.0}
    assert (found.width, found.height, found.bends) == (4, 1.0, {})


def test_what_is_read_late_stands_near_its_reader() -> None:
    # 3 leads only to 2, which stands in the third column.
    assert lay_out(4, [(0, 1), (1, 2), (3, 2)]).columns == [0, 1, 2, 1]


def test_an_edge_that_passes_a_column_bends_there() -> None:
    found = lay_out(3, [(0, 1), (1, 2), (0, 2)])
    ((column, row),) = found.bends[2]
    assert column == 1
    assert abs(row - found.rows[1]) >= 1


def test_a_fan_is_centred_and_does_not_cross() -> None:
    found = lay_out(5, [(0, 1), (0, 2), (0, 3), (0, 4)])
    assert sorted(found.rows[1:]) == [0.0, 1.0, 2.0, 3.0]
    assert found.rows[0] == 1.5
    crossed = lay_out(4, [(0, 3), (1, 2)])
    assert (crossed.rows[0] < crossed.rows[1]) == (crossed.rows[3] < crossed.rows[2])


def test_nothing_and_one_and_loops() -> None:
    assert lay_out(0, []).width == 0
    assert lay_out(1, [(0, 0)]).columns == [0]
    assert sorted(lay_out(3, [(0, 1), (1, 2), (2, 0)]).columns) == [0, 1, 2]


def test_the_same_graph_is_laid_out_once() -> None:
    layouts = Layouts()
    assert layouts.of(2, [(0, 1)]) is layouts.of(2, [(0, 1)])
    assert layouts.of(2, [(1, 0)]).columns == [1, 0]


def test_ten_thousand_nodes_in_a_line_and_in_a_star() -> None:
    assert lay_out(10_000, [(n, n + 1) for n in range(9_999)]).width == 10_000
    assert lay_out(10_000, [(0, n) for n in range(1, 10_000)]).height == 9_999


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=40))
def test_no_two_nodes_stand_on_one_place(edges: list[tuple[int, int]]) -> None:
    found = lay_out(13, edges)
    places = [*zip(found.columns, found.rows, strict=True)]
    for bends in found.bends.values():
        places += bends
    for column in set(found.columns):
        rows = sorted(row for at, row in places if at == column)
        assert all(b - a >= 0.98 for a, b in itertools.pairwise(rows))
    for number, (source, target) in enumerate(edges):
        # Whatever leads forwards passes each column in between, once.
        span = found.columns[target] - found.columns[source]
        if number in found.bends:
            assert len(found.bends[number]) == span - 1
