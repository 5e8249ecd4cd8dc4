"""The application: its commands, and what becomes of errors.

Exit codes: 0 all is well, 1 something went wrong or the doctor found a fault, 2 the request
itself is wrong.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

import mere
from mere.cli import (
    artifacts,
    comments,
    datasets,
    deployments,
    diff,
    doctor,
    grants,
    interchange,
    lineage,
    logs,
    models,
    query,
    reports,
    rerun,
    retention,
    runs,
    server,
    states,
    sync,
    tokens,
    traces,
    users,
)
from mere.cli.output import notes
from mere.errors import InvalidInput, MereError

__all__ = ["app", "main", "run"]

app = App(
    name="mere",
    help="MLOps that lives in a mere bucket: look at runs, ask SQL, keep the warehouse in order.",
    version=mere.__version__,
    help_epilogue="The warehouse is --warehouse, else MERE_WAREHOUSE, else ~/.mere/warehouse.",
)
app.command(runs.runs)
app.command(runs.show)
app.command(runs.experiments)
app.command(retention.delete)
app.command(retention.restore)
app.command(retention.gc)
app.command(query.sql)
app.command(rerun.rerun)
app.command(rerun.checkout)
app.command(diff.diff)
app.command(states.fold)
app.command(states.upkeep)
app.command(states.tag)
app.command(doctor.doctor)
app.command(artifacts.app)
app.command(datasets.datasets)
app.command(datasets.dataset)
app.command(models.app)
app.command(deployments.app)
app.command(comments.app)
app.command(reports.app)
app.command(lineage.lineage)
app.command(sync.sync)
app.command(logs.logs)
app.command(traces.app)
app.command(interchange.app)
app.command(interchange.export)
app.command(server.server)
app.command(server.ui)
app.command(users.app)
app.command(tokens.app)
app.command(grants.app)


def run(words: Sequence[str]) -> int:
    """Run one command and return its exit code."""
    try:
        code = app(
            list(words), exit_on_error=False, print_error=False, result_action="return_value"
        )
    except CycloptsError as error:
        _say(str(error), "`mere --help` lists the commands, `mere COMMAND --help` explains one")
        return 2
    except InvalidInput as error:
        _say(error.message)
        return 2
    except MereError as error:
        _say(error.message)
        return 1
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except BrokenPipeError:
        # Whoever read the output has seen enough, as in `mere runs | head`.
        sys.stderr.close()
        return 1
    return code if isinstance(code, int) else 0


def main() -> None:
    """Run the command given on the command line."""
    sys.exit(run(sys.argv[1:]))


def _say(message: str, advice: str = "") -> None:
    out = notes()
    out.print("error:", style="bold red", end=" ")
    out.print(message.strip(), markup=False, highlight=False, soft_wrap=True)
    if advice:
        out.print(advice, style="dim", markup=False, highlight=False, soft_wrap=True)
