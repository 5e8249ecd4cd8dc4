/** A large graph painted on a canvas: only what is in sight, and no more detail than can be seen. */

import { useCallback, useMemo } from "react";

import { Canvas, type Surface } from "../../panels/Canvas";
import { spread } from "../../panels/histograms";
import type { Drawn } from "./Graph";
import { colourOf, groupLabel } from "./kinds";
import { isSeen, NODE_PX, routeOf, spotsOf, type Spot } from "./view";

/** Below these scales nothing is written, and edges are straight. */
const WRITTEN_FROM = 0.45;
const CURVED_FROM = 0.3;
/** From afar more edges than these are one grey, and cost much: an even choice of them is drawn. */
const FAR_EDGES_MAX = 2_500;
/** So are those that only lead out of sight. */
const PASSING_EDGES_MAX = 200;

export function GraphCanvas({ map, view, size, chosen, lit, found }: Drawn) {
  const spots = useMemo(() => spotsOf(map), [map]);
  const routes = useMemo(
    () => [
      ...map.edges.map(({ source, target, bends }) => ({
        source,
        target,
        points: routeOf(spots[source]!, bends, spots[target]!),
      })),
      ...map.groups.map((group, number) => {
        const own = map.nodes.length + number;
        const [source, target] = group.way === "up" ? [own, group.of] : [group.of, own];
        return { source, target, points: routeOf(spots[source]!, [], spots[target]!) };
      }),
    ],
    [map, spots],
  );
  const paint = useCallback(
    ({ ctx, looks }: Surface) => {
      const styles = getComputedStyle(document.documentElement);
      const colours = new Map<string, string>();
      const colour = (token: string) => {
        const known = colours.get(token) ?? styles.getPropertyValue(token).trim();
        colours.set(token, known);
        return known;
      };
      ctx.save();
      ctx.translate(view.x, view.y);
      ctx.scale(view.scale, view.scale);
      const isWritten = view.scale >= WRITTEN_FROM;
      const inSight = routes.filter(({ points }) => isSeen(points[0]!, points.at(-1)!, view, size));
      const isWhole = ({ points: [from, ...rest] }: (typeof routes)[number]) =>
        isSeen(from!, from!, view, size) && isSeen(rest.at(-1)!, rest.at(-1)!, view, size);
      const shown = isWritten
        ? [
            ...inSight.filter(isWhole),
            ...spread(
              inSight.filter((one) => !isWhole(one)),
              PASSING_EDGES_MAX,
            ),
          ]
        : spread(inSight, FAR_EDGES_MAX);
      ctx.lineWidth = Math.max(1, 0.5 / view.scale);
      ctx.strokeStyle = looks.muted;
      ctx.globalAlpha = lit || shown.length > 1_000 ? 0.25 : 0.6;
      trace(ctx, shown, view.scale);
      if (lit) {
        ctx.globalAlpha = 0.9;
        const near = shown.filter((one) => lit.has(one.source) && lit.has(one.target));
        trace(ctx, near, view.scale);
        ctx.strokeStyle = looks.accent;
        ctx.lineWidth *= 1.6;
        const own = inSight.filter((one) => one.source === chosen || one.target === chosen);
        trace(ctx, own, view.scale);
      }
      const seen = spots.flatMap((spot, at) => {
        const end = { x: spot.x + NODE_PX.width, y: spot.y + NODE_PX.height };
        return isSeen(spot, end, view, size) ? [at] : [];
      });
      const isFaint = (at: number) => lit !== null && !lit.has(at) && !found.has(at);
      const isMarked = (at: number) =>
        at === chosen || found.has(at) || map.nodes[at]?.node === map.root;
      if (isWritten) {
        ctx.font = "12px ui-sans-serif, system-ui, sans-serif";
        ctx.textBaseline = "middle";
        for (const at of seen) box(at);
      } else blocks();

      /** A node as one reads it. */
      function box(at: number): void {
        const [spot, node] = [spots[at]!, map.nodes[at]];
        ctx.globalAlpha = isFaint(at) ? 0.45 : 1;
        ctx.fillStyle = isMarked(at) ? colour("--chosen") : node ? looks.panel : colour("--raised");
        ctx.strokeStyle = isMarked(at) ? looks.accent : node ? looks.line : looks.muted;
        ctx.lineWidth = at === chosen ? 3 : 1;
        ctx.beginPath();
        ctx.roundRect(spot.x, spot.y, NODE_PX.width, NODE_PX.height, 6);
        ctx.fill();
        ctx.stroke();
        if (node) {
          ctx.fillStyle = colour(colourOf(node));
          mark(ctx, spot);
        }
        const group = map.groups[at - map.nodes.length];
        const text = node ? node.label : group ? groupLabel(group.kind, group.count) : "";
        ctx.fillStyle = looks.text;
        write(ctx, text, spot.x + (node ? 28 : 12), spot.y + NODE_PX.height / 2);
      }

      /** Nodes from afar: blocks of their colour, all of one colour at once. */
      function blocks(): void {
        const byLook = new Map<string, number[]>();
        for (const at of seen) {
          const node = map.nodes[at];
          const token = isMarked(at) ? "--text" : node ? colourOf(node) : "--line";
          const look = `${isFaint(at) ? 0.3 : 0.85} ${token}`;
          const known = byLook.get(look);
          if (known) known.push(at);
          else byLook.set(look, [at]);
        }
        const least = 1 / view.scale;
        for (const [look, some] of byLook) {
          const [alpha, token] = look.split(" ");
          ctx.globalAlpha = Number(alpha);
          ctx.fillStyle = colour(token!);
          for (const at of some) {
            const { x, y } = spots[at]!;
            ctx.fillRect(x, y, Math.max(NODE_PX.width, least), Math.max(NODE_PX.height, least));
          }
        }
      }
      ctx.restore();
      performance.mark("graph:painted");
    },
    [chosen, found, lit, map, routes, size, spots, view],
  );
  return (
    <Canvas
      paint={paint}
      label={`A graph of ${map.nodes.length} nodes and ${map.edges.length} edges`}
    />
  );
}

/** All lines as one path: to stroke each by itself takes ten times as long. */
function trace(
  ctx: CanvasRenderingContext2D,
  routes: readonly { points: readonly Spot[] }[],
  scale: number,
): void {
  ctx.beginPath();
  for (const { points } of routes) {
    ctx.moveTo(points[0]!.x, points[0]!.y);
    for (let i = 1; i < points.length; i++) {
      const [from, to] = [points[i - 1]!, points[i]!];
      if (scale < CURVED_FROM || i % 2 === 0) ctx.lineTo(to.x, to.y);
      else {
        const middle = (from.x + to.x) / 2;
        ctx.bezierCurveTo(middle, from.y, middle, to.y, to.x, to.y);
      }
    }
  }
  ctx.stroke();
}

function mark(ctx: CanvasRenderingContext2D, spot: Spot): void {
  ctx.beginPath();
  ctx.arc(spot.x + 15, spot.y + NODE_PX.height / 2, 5, 0, 7);
  ctx.fill();
}

const CHARS_MAX = 25;

function write(ctx: CanvasRenderingContext2D, text: string, x: number, y: number): void {
  const letters = [...text];
  const shown = letters.length > CHARS_MAX ? `${letters.slice(0, CHARS_MAX - 1).join("")}…` : text;
  ctx.fillText(shown, x, y, NODE_PX.width - 34);
}
