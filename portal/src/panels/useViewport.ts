/** What part of a scrolled element is in view; told once a frame. */

import { useEffect, useState, type RefObject } from "react";

export interface Viewport {
  top: number;
  width: number;
  height: number;
}

export function useViewport(element: RefObject<HTMLElement | null>): Viewport {
  const [viewport, setViewport] = useState<Viewport>({ top: 0, width: 0, height: 0 });
  useEffect(() => {
    const scrolled = element.current;
    if (scrolled === null) return;
    let frame = 0;
    const read = () => {
      frame = 0;
      const next = {
        // By steps, so that most frames of scrolling need no new layout.
        top: Math.round(scrolled.scrollTop / 32) * 32,
        width: scrolled.clientWidth,
        height: scrolled.clientHeight,
      };
      setViewport((old) =>
        old.top === next.top && old.width === next.width && old.height === next.height ? old : next,
      );
    };
    const soon = () => {
      frame ||= requestAnimationFrame(read);
    };
    const watcher = new ResizeObserver(soon);
    watcher.observe(scrolled);
    scrolled.addEventListener("scroll", soon, { passive: true });
    return () => {
      cancelAnimationFrame(frame);
      watcher.disconnect();
      scrolled.removeEventListener("scroll", soon);
    };
  }, [element]);
  return viewport;
}
