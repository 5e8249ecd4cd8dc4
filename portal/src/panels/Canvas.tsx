/** A canvas as large as its parent, painted anew when size, theme or what it shows changes. */

import { useEffect, useRef, useState, type CanvasHTMLAttributes } from "react";

import { looksNow, type Looks } from "../plot/looks";
import type { Shade } from "../plot/palette";
import { useTheme } from "../shell/theme";

export interface Surface {
  ctx: CanvasRenderingContext2D;
  width: number;
  height: number;
  looks: Looks;
  shade: Shade;
}

/** `paint` must stay the same function until something changes; it paints in CSS pixels. */
export function Canvas({
  paint,
  label,
  ...rest
}: Omit<CanvasHTMLAttributes<HTMLCanvasElement>, "width" | "height"> & {
  paint: (surface: Surface) => void;
  label: string;
}) {
  const element = useRef<HTMLCanvasElement>(null);
  const [size, setSize] = useState({ width: 0, height: 0 });
  const { shown: shade } = useTheme();
  useEffect(() => {
    const parent = element.current?.parentElement;
    if (!parent) return;
    const watcher = new ResizeObserver(() =>
      setSize({ width: parent.clientWidth, height: parent.clientHeight }),
    );
    watcher.observe(parent);
    return () => watcher.disconnect();
  }, []);
  useEffect(() => {
    const canvas = element.current;
    const ctx = canvas?.getContext("2d");
    const { width, height } = size;
    if (!canvas || !ctx || width === 0 || height === 0) return;
    const ratio = window.devicePixelRatio || 1;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    ctx.clearRect(0, 0, width, height);
    const looks = looksNow();
    ctx.font = looks.font;
    paint({ ctx, width, height, looks, shade });
  }, [paint, size, shade]);
  return (
    <canvas
      ref={element}
      role="img"
      aria-label={label}
      className="absolute inset-0 h-full w-full"
      {...rest}
    />
  );
}
