/** What a column holds, as a small picture; its words say the same to who does not see it. */

import { useCallback } from "react";

import { Canvas, type Surface } from "../../panels/Canvas";
import { barsOf, rangeOf, type Picture } from "./profile";

const SHARES_MAX = 4;

export function ColumnPicture({
  picture,
  range,
  label,
}: {
  picture: Picture | null;
  /** The scale, where it is shared with another picture. */
  range?: readonly [number, number] | null | undefined;
  label: string;
}) {
  const paint = useCallback(
    ({ ctx, width, height, looks }: Surface) => {
      const scale = range ?? rangeOf([picture]);
      if (picture?.kind === "histogram" && scale) {
        const bars = barsOf(picture.histogram, scale);
        const step = width / bars.length;
        ctx.fillStyle = looks.accent;
        ctx.globalAlpha = picture.isRough ? 0.55 : 1;
        bars.forEach((bar, i) => {
          // What is there at all is seen.
          const tall = bar > 0 ? Math.max(1.5, bar * (height - 3)) : 0;
          ctx.fillRect(i * step + 0.5, height - 2 - tall, Math.max(1, step - 1), tall);
        });
        ctx.globalAlpha = 1;
        ctx.fillStyle = looks.line;
        ctx.fillRect(0, height - 1, width, 1);
      }
      if (picture?.kind === "shares") {
        const shown = picture.shares.slice(0, SHARES_MAX);
        const tall = Math.min(12, height / Math.max(1, shown.length));
        shown.forEach(({ label: name, share }, i) => {
          ctx.fillStyle = looks.line;
          ctx.fillRect(0, i * tall, width, tall - 2);
          ctx.fillStyle = looks.accent;
          ctx.fillRect(0, i * tall, Math.max(1.5, share * width), tall - 2);
          ctx.font = "9px ui-sans-serif, system-ui, sans-serif";
          ctx.textBaseline = "middle";
          if (tall < 9) return;
          // Above the bar where there is room beside it, so that it is read on the ground.
          const text = `${name.slice(0, 18)} ${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
          const isInside = share * width > ctx.measureText(text).width + 6;
          ctx.fillStyle = isInside ? looks.panel : looks.text;
          ctx.fillText(text, isInside ? 4 : share * width + 4, i * tall + tall / 2 - 0.5);
        });
      }
    },
    [picture, range],
  );
  if (!picture) return null;
  return <Canvas paint={paint} label={label} />;
}
