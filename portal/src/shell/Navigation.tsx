/** The places of the portal, beside each other; those for which there is no room are in a menu. */

import { Link, useNavigate, useRouterState } from "@tanstack/react-router";
import { DropdownMenu } from "radix-ui";
import { useLayoutEffect, useRef, useState, type RefObject } from "react";

import { cx, Keys } from "../ui";

export interface Place {
  to: string;
  label: string;
  /** What is pressed after `g` to go there. */
  key: string;
}

const LINK = "rounded px-2 py-1 whitespace-nowrap hover:bg-raised";
const ITEM =
  "flex cursor-pointer items-center justify-between gap-6 rounded px-2 py-1 outline-none data-[highlighted]:bg-chosen";
const GAP_PX = 2;

export function Navigation({ places }: { places: readonly Place[] }) {
  const path = useRouterState({ select: (state) => state.location.pathname });
  const bar = useRef<HTMLElement>(null);
  const ruler = useRef<HTMLDivElement>(null);
  const shown = useFitting(bar, ruler, places.length);
  const here = places.find((place) => isWithin(path, place.to));
  const folded = places.slice(shown);
  return (
    <nav
      ref={bar}
      aria-label="Main"
      className="relative flex min-w-16 flex-1 items-center gap-0.5 self-stretch overflow-hidden"
    >
      {places.slice(0, shown).map((place) => (
        <Link
          key={place.to}
          to={place.to}
          title={`g ${place.key}`}
          aria-current={place === here ? "page" : undefined}
          className={cx(LINK, place === here && "bg-chosen font-medium")}
        >
          {place.label}
        </Link>
      ))}
      {folded.length > 0 && (
        <More places={folded} here={here && folded.includes(here) ? here : undefined} />
      )}
      {/* What each would take, the button of the menu last; nobody sees or reads it. */}
      <div ref={ruler} aria-hidden="true" className="invisible absolute flex gap-0.5 font-medium">
        {places.map((place) => (
          <span key={place.to} className={LINK}>
            {place.label}
          </span>
        ))}
        <span className={LINK}>More ▾</span>
      </div>
    </nav>
  );
}

function More({ places, here }: { places: readonly Place[]; here: Place | undefined }) {
  const navigate = useNavigate();
  return (
    <DropdownMenu.Root>
      <DropdownMenu.Trigger
        aria-label={here ? `More places; here is ${here.label}` : "More places"}
        className={cx(LINK, "cursor-pointer", here && "bg-chosen font-medium")}
      >
        More ▾
      </DropdownMenu.Trigger>
      <DropdownMenu.Portal>
        <DropdownMenu.Content
          align="start"
          className="z-50 min-w-44 rounded-md border border-line bg-panel p-1 shadow-lg"
        >
          {places.map((place) => (
            <DropdownMenu.Item
              key={place.to}
              className={cx(ITEM, place === here && "font-medium")}
              onSelect={() => void navigate({ to: place.to })}
            >
              {place.label}
              <Keys of={`g ${place.key}`} />
            </DropdownMenu.Item>
          ))}
        </DropdownMenu.Content>
      </DropdownMenu.Portal>
    </DropdownMenu.Root>
  );
}

/** How many places there is room for, with the button of the menu if not for all. */
function useFitting(
  bar: RefObject<HTMLElement | null>,
  ruler: RefObject<HTMLElement | null>,
  count: number,
): number {
  const [shown, setShown] = useState(count);
  useLayoutEffect(() => {
    const element = bar.current;
    if (!element || !ruler.current) return;
    const measure = () => {
      const widths = [...(ruler.current?.children ?? [])].map((one) => one.clientWidth);
      setShown(fitting(widths.slice(0, -1), widths.at(-1) ?? 0, element.clientWidth));
    };
    const sizes = new ResizeObserver(measure);
    sizes.observe(element);
    measure();
    return () => sizes.disconnect();
  }, [bar, ruler, count]);
  return shown;
}

/** How many of some widths fit into a space, with a last one behind them unless all do. */
export function fitting(widths: readonly number[], last: number, space: number): number {
  const whole = widths.reduce((sum, width) => sum + width + GAP_PX, -GAP_PX);
  if (whole <= space) return widths.length;
  let used = last;
  let count = 0;
  for (const width of widths) {
    used += width + GAP_PX;
    if (used > space) break;
    count += 1;
  }
  return count;
}

function isWithin(path: string, place: string): boolean {
  const isUnder = path === place || path.startsWith(`${place}/`);
  return isUnder || (place === "/experiments" && path.startsWith("/p/"));
}
