from __future__ import annotations

import pytest

from mere.entities.run import Run, RunStatus, check_run_id
from mere.errors import InvalidInput


def test_status_is_found_in_any_case() -> None:
    assert RunStatus.of("finished") is RunStatus.FINISHED
    with pytest.raises(InvalidInput, match=r"'done' is unknown: use one of SCHEDULED, RUNNING"):
        RunStatus.of("done")


def test_which_states_are_final() -> None:
    assert [status for status in RunStatus if status.is_final] == ["FINISHED", "FAILED", "KILLED"]


@pytest.mark.parametrize("run_id", ["", "x" * 32, "A" * 32, "a" * 31, None, 7])
def test_what_is_no_run_id(run_id: object) -> None:
    with pytest.raises(InvalidInput, match="run id"):
        check_run_id(run_id)


def test_a_run_checks_what_it_holds() -> None:
    run = Run(run_id="a" * 32, experiment_id="0", params={"": "1"})
    with pytest.raises(InvalidInput, match="param key"):
        run.checked()
