"""``mere lineage``: what something came from and what came of it."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter
from rich.text import Text
from rich.tree import Tree

from mere.cli.options import Options
from mere.cli.output import STATUS_STYLES, console, notes, print_json
from mere.entities.lineage import LineageEdge, LineageGraph, LineageNode

__all__ = ["lineage"]

_STYLES = {"run": "bold", "dataset": "cyan", "model": "yellow"}
_SHAPES = {"run": ("([", "])"), "dataset": ("[(", ")]"), "model": ("{{", "}}")}
_DOT_SHAPES = {"run": "box", "dataset": "cylinder", "model": "hexagon"}


def lineage(
    node: str,
    /,
    *,
    depth: Annotated[int, Parameter(name=["--depth", "-d"])] = 20,
    direction: Literal["both", "up", "down"] = "both",
    format: Annotated[Literal["tree", "dot", "mermaid"], Parameter(name="--format")] = "tree",  # noqa: A002
    options: Options | None = None,
) -> None:
    """Show what a run, dataset or model came from, and what came of it.

    Args:
        node: A run's id, the beginning of it, or its name; NAME@VERSION of a dataset, or its name
            for the newest; model:NAME/VERSION. run:… and dataset:… say which is meant.
        depth: How many steps to follow each way.
        direction: up to where data came from, down to where it went, or both.
        format: tree for people; dot (Graphviz) or mermaid for pictures.
        options: Where to look and how to print.
    """
    options = options or Options()
    graph = options.open().lineage.graph(node, depth=depth, direction=direction)
    if options.json:
        print_json(graph)
        return
    if format != "tree":
        # As it is: what follows a terminal's width could not be read by programs.
        print(_dot(graph) if format == "dot" else _mermaid(graph))
        return
    out = console()
    if direction != "down":
        out.print(_tree(graph, "source", "came from"))
    if direction != "up":
        out.print(_tree(graph, "target", "went into"))
    if graph.left_out:
        count = sum(graph.left_out.values())
        notes().print(
            f"{count} more neighbours are not shown: --depth or another node shows more",
            style="dim",
        )


def _tree(graph: LineageGraph, end: str, title: str) -> Tree:
    """What lies on one end of the edges, node by node; a node met before is not unfolded again."""
    nodes = {node.node: node for node in graph.nodes}
    onward: dict[str, list[LineageEdge]] = {}
    for edge in graph.edges:
        here = edge.target if end == "source" else edge.source
        onward.setdefault(here, []).append(edge)
    top = Tree(_label(nodes[graph.root]).append(f"  {title}", style="dim"))
    unfolded = {graph.root}
    # A stack and no recursion: chains may be long.
    waiting = [(graph.root, top)]
    while waiting:
        name, branch = waiting.pop()
        edges = onward.get(name, [])
        for edge in edges:
            other = edge.source if end == "source" else edge.target
            label = _label(nodes[other], edge.context)
            is_known = other in unfolded
            if is_known and onward.get(other):
                label.append("  (above)", style="dim")
            leaf = branch.add(label)
            if not is_known:
                unfolded.add(other)
                waiting.append((other, leaf))
        left = graph.left_out.get(name, 0)
        if left:
            branch.add(Text(f"{left} more", style="dim"))
        if not edges and not left and name == graph.root:
            branch.add(Text("nothing known", style="dim"))
    return top


def _label(node: LineageNode, context: str | None = None) -> Text:
    text = Text()
    text.append(f"{node.kind} ", style="dim")
    text.append(node.label, style=_STYLES.get(node.kind, ""))
    if node.kind == "run":
        text.append(f"  {node.node.partition(':')[2][:13]}", style="dim")
    if node.status:
        text.append(f"  {node.status}", style=STATUS_STYLES.get(node.status, "dim"))
    if context:
        text.append(f"  for {context}", style="dim")
    return text


def _dot(graph: LineageGraph) -> str:
    names = {node.node: f"n{at}" for at, node in enumerate(graph.nodes)}
    lines = ["digraph lineage {", "  rankdir=LR;"]
    for node in graph.nodes:
        shape = _DOT_SHAPES.get(node.kind, "box")
        lines.append(f"  {names[node.node]} [label={_dot_text(node.label)}, shape={shape}];")
    for edge in graph.edges:
        label = f" [label={_dot_text(edge.context)}]" if edge.context else ""
        lines.append(f"  {names[edge.source]} -> {names[edge.target]}{label};")
    return "\n".join([*lines, "}"])


def _mermaid(graph: LineageGraph) -> str:
    names = {node.node: f"n{at}" for at, node in enumerate(graph.nodes)}
    lines = ["flowchart LR"]
    for node in graph.nodes:
        left, right = _SHAPES.get(node.kind, ("[", "]"))
        lines.append(f"  {names[node.node]}{left}{_mermaid_text(node.label)}{right}")
    for edge in graph.edges:
        label = f"|{_mermaid_text(edge.context)}|" if edge.context else ""
        lines.append(f"  {names[edge.source]} -->{label} {names[edge.target]}")
    return "\n".join(lines)


def _dot_text(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'


def _mermaid_text(text: str) -> str:
    # Whatever is not plain is written as Mermaid's own entities.
    plain = "".join(
        char if char.isalnum() or char in " @._-/:" else f"#{ord(char)};" for char in text
    )
    return f'"{plain}"'
