/** A small graph as SVG: sharp at any size, and with the looks of the page. */

import { memo, useEffect } from "react";

import { cx } from "../../ui";
import type { Drawn } from "./Graph";
import { colourOf, groupLabel, KINDS } from "./kinds";
import { NODE_PX, routeOf, spotOf, type Spot } from "./view";

export function GraphSvg({ map, view, size, chosen, lit, found }: Drawn) {
  useEffect(() => {
    performance.mark("graph:painted");
  }, [map]);
  return (
    <svg
      width={size.width}
      height={size.height}
      aria-hidden="true"
      className="block text-[12px] select-none"
    >
      <g transform={`translate(${view.x} ${view.y}) scale(${view.scale})`}>
        <Edges map={map} chosen={chosen} lit={lit} />
        {map.nodes.map((node, at) => (
          <g
            key={node.node}
            data-node={node.node}
            transform={`translate(${spotOf(node).x} ${spotOf(node).y})`}
            opacity={lit && !lit.has(at) ? 0.45 : 1}
          >
            <title>{`${KINDS[node.kind].one} ${node.label}`}</title>
            <rect
              {...NODE_PX}
              rx={node.kind === "run" ? 15 : 4}
              strokeWidth={at === chosen ? 2.5 : found.has(at) ? 2 : 1}
              className={cx(
                found.has(at) || node.node === map.root ? "fill-chosen" : "fill-panel",
                at === chosen || found.has(at) ? "stroke-accent" : "stroke-line",
              )}
            />
            <circle cx={15} cy={15} r={5} style={{ fill: `var(${colourOf(node)})` }} />
            <foreignObject x={26} y={0} width={NODE_PX.width - 34} height={NODE_PX.height}>
              <div className="flex h-full items-center gap-1.5">
                <bdi className="min-w-0 truncate">{node.label}</bdi>
                <span className="ml-auto shrink-0 text-[10px] text-muted">
                  {KINDS[node.kind].short}
                </span>
              </div>
            </foreignObject>
          </g>
        ))}
        {map.groups.map((group, number) => {
          const at = map.nodes.length + number;
          return (
            <g
              key={`${group.of} ${group.way} ${group.kind}`}
              transform={`translate(${spotOf(group).x} ${spotOf(group).y})`}
              opacity={lit && !lit.has(at) ? 0.45 : 1}
              className="cursor-pointer"
            >
              <rect
                {...NODE_PX}
                rx={4}
                strokeDasharray="4 3"
                strokeWidth={at === chosen ? 2.5 : 1}
                className={cx("fill-raised", at === chosen ? "stroke-accent" : "stroke-muted")}
              />
              <text x={12} y={19} className="fill-text">
                {groupLabel(group.kind, group.count)}
              </text>
            </g>
          );
        })}
      </g>
    </svg>
  );
}

/** The edges alone: they stay as they are while one drags. */
const Edges = memo(function Edges({ map, chosen, lit }: Pick<Drawn, "map" | "chosen" | "lit">) {
  return (
    <g fill="none">
      {map.edges.map((edge) => (
        <path
          key={`${edge.source} ${edge.target}`}
          d={pathOf(
            routeOf(spotOf(map.nodes[edge.source]!), edge.bends, spotOf(map.nodes[edge.target]!)),
          )}
          strokeWidth={isOf(edge, chosen) ? 2 : 1.2}
          opacity={lit && !(lit.has(edge.source) && lit.has(edge.target)) ? 0.3 : 1}
          className={isOf(edge, chosen) ? "stroke-accent" : "stroke-muted"}
        />
      ))}
      {map.groups.map((group) => {
        const [own, other] = [spotOf(group), spotOf(map.nodes[group.of]!)];
        const [from, to] = group.way === "up" ? [own, other] : [other, own];
        return (
          <path
            key={`${group.of} ${group.way} ${group.kind}`}
            d={pathOf(routeOf(from, [], to))}
            strokeDasharray="4 3"
            className="stroke-muted"
          />
        );
      })}
    </g>
  );
});

function isOf(edge: { source: number; target: number }, at: number): boolean {
  return edge.source === at || edge.target === at;
}

/** Points in pairs: curved from one node to the next, straight where it passes one. */
export function pathOf(points: readonly Spot[]): string {
  let text = `M${points[0]!.x} ${points[0]!.y}`;
  for (let i = 1; i < points.length; i++) {
    const [from, to] = [points[i - 1]!, points[i]!];
    if (i % 2 === 0) text += `L${to.x} ${to.y}`;
    else {
      const middle = (from.x + to.x) / 2;
      text += `C${middle} ${from.y} ${middle} ${to.y} ${to.x} ${to.y}`;
    }
  }
  return text;
}
