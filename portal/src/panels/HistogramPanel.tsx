/** Histograms that a run logged, over its steps: darker where more values are. */

import { useQuery } from "@tanstack/react-query";
import { useCallback } from "react";

import { getJson } from "../api/client";
import { Failure, Waiting } from "../ui";
import { count, number } from "../ui/format";
import type { Surface } from "./Canvas";
import { Canvas } from "./Canvas";
import { rebin, spread, stepOf, type Histogram, type Stack } from "./histograms";
import { ticksOf } from "./scales";

interface Folder {
  entries: { name: string; path: string; is_folder: boolean }[];
}

const SHOWN_MAX = 60;
const BOX = { left: 52, right: 10, top: 8, bottom: 34 };

async function read(run: string, name: string, signal: AbortSignal): Promise<Stack> {
  const folder = await getJson<Folder>(
    `/api/v1/artifacts/${encodeURIComponent(run)}`,
    { path: `media/${name}` },
    signal,
  );
  const files = folder.entries
    .map((entry) => ({ path: entry.path, step: entry.is_folder ? null : stepOf(entry.name) }))
    .filter((file): file is { path: string; step: number } => file.step !== null)
    .sort((a, b) => a.step - b.step);
  const shown = spread(files, SHOWN_MAX);
  const address = (path: string) => path.split("/").map(encodeURIComponent).join("/");
  const histograms = await Promise.all(
    shown.map((file) =>
      getJson<Histogram>(`/api/v1/artifacts/${run}/files/${address(file.path)}`, {}, signal),
    ),
  );
  return { steps: shown.map((file) => file.step), histograms, total: files.length };
}

export function useHistograms(run: string, name: string) {
  return useQuery({
    queryKey: ["histograms", run, name],
    queryFn: ({ signal }) => read(run, name, signal),
    staleTime: 30_000,
  });
}

export function Histograms({ run, name }: { run: string; name: string }) {
  const found = useHistograms(run, name);
  const stack = found.data;
  const paint = useCallback(
    (surface: Surface) => {
      if (stack && stack.steps.length) paintStack(surface, stack);
    },
    [stack],
  );
  if (found.isPending) return <Waiting what="Loading histograms" />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  if (found.data.steps.length === 0)
    return (
      <p className="p-4 text-muted">
        The run has no histograms of this name. Log them with run.log_histogram(name, values, step).
      </p>
    );
  const { total, steps } = found.data;
  return (
    <>
      <Canvas paint={paint} label={`Histograms of ${name} at ${steps.length} steps`} />
      {total > steps.length && (
        <span className="absolute right-2 bottom-0 text-[11px] text-muted">
          {steps.length} of {count(total, "histogram")}, evenly spread
        </span>
      )}
    </>
  );
}

function paintStack({ ctx, width, height, looks, shade }: Surface, stack: Stack): void {
  const [w, h] = [width - BOX.left - BOX.right, height - BOX.top - BOX.bottom];
  const least = Math.min(...stack.histograms.map((one) => one.edges[0]!));
  const most = Math.max(...stack.histograms.map((one) => one.edges[one.edges.length - 1]!));
  const rows = Math.max(8, Math.min(64, Math.floor(h / 3)));
  const columns = stack.histograms.map((one) => rebin(one, least, most, rows));
  const top = columns.reduce((best, one) => one.reduce((a, b) => Math.max(a, b), best), 0) || 1;
  const [cw, ch] = [w / columns.length, h / rows];
  columns.forEach((column, i) =>
    column.forEach((many, row) => {
      if (many === 0) return;
      const share = Math.sqrt(many / top);
      const light = shade === "dark" ? 0.25 + 0.6 * share : 0.95 - 0.6 * share;
      ctx.fillStyle = `oklch(${light.toFixed(3)} ${(0.03 + 0.11 * share).toFixed(3)} 240)`;
      ctx.fillRect(BOX.left + i * cw, BOX.top + h - (row + 1) * ch, cw + 0.5, ch + 0.5);
    }),
  );
  ctx.fillStyle = looks.muted;
  ctx.textAlign = "right";
  for (const value of ticksOf(least, most, false)) {
    const y = BOX.top + h - ((value - least) / (most - least || 1)) * h;
    ctx.fillText(number(value), BOX.left - 5, y + 4);
  }
  ctx.textAlign = "center";
  for (const i of spread([...stack.steps.keys()], 6))
    ctx.fillText(number(stack.steps[i]), BOX.left + (i + 0.5) * cw, BOX.top + h + 14);
  ctx.fillText("step", BOX.left + w / 2, height - 5);
}
