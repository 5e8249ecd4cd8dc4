/**
 * The runs grid: an ARIA grid over rows and columns of which only those in sight exist.
 *
 * One cell is in the tab order; arrows go from cell to cell, the head included. Clicks and keys are
 * heard once, on the whole grid, and find their cell by its attributes: rows stay cheap to draw.
 */

import {
  lazy,
  Suspense,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  useSyncExternalStore,
} from "react";

import type { SeriesLoader } from "../panels/loader";
import { colourOf } from "../plot/palette";
import { useTheme } from "../shell/theme";
import { askedOf, changeColumn, moveColumn, read, stepColumn, type Column } from "./columns";
import { HeadCell, type HeadActions } from "./HeadCell";
import { CHECK_WIDTH, HEAD_HEIGHT, layOut } from "./layout";
import { moved, type Active } from "./moves";
import { Row, type RowLook } from "./Row";
import type { GridRow, RowStore } from "./RowStore";
import { choose, chosenCount, isChosen, NOBODY, toggle, type Selection } from "./selection";
import { setSort, turnSort, type SortKey } from "./sort";
import { useGridKeys, type GridCommands } from "./useGridKeys";
import { useRowScroll } from "./useRowScroll";

const Curves = lazy(() => import("./Curves"));
const NOW_MS = 30_000;

export interface GridProps {
  label: string;
  store: RowStore;
  columns: readonly Column[];
  onColumns: (columns: Column[]) => void;
  sort: readonly SortKey[];
  onSort: (sort: SortKey[]) => void;
  onGroup: (text: string) => void;
  selection: Selection;
  onSelection: (selection: Selection) => void;
  hidden: ReadonlySet<string>;
  hrefOf: (id: string) => string;
  commands: GridCommands;
  /** What advances when curves may have grown. */
  topics: readonly string[];
}

export function Grid(props: GridProps) {
  const { store, columns, onColumns, sort, onSort, selection, onSelection, hidden } = props;
  const version = useSyncExternalStore(store.watch, store.snapshot);
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<Active>({ row: -1, column: 1 });
  const [hasFocus, setHasFocus] = useState(false);
  const [sized, setSized] = useState<{ text: string; width: number } | null>(null);
  const [now, setNow] = useState(() => Date.now());
  /** A column that is being moved: the active cell goes with it. */
  const [followed, setFollowed] = useState<{ text: string; from: readonly Column[] } | null>(null);
  const { shown: shade } = useTheme();
  const wantsFocus = useRef(false);
  const anchor = useRef(0);

  if (followed !== null && followed.from !== columns) {
    const at = columns.findIndex((one) => one.text === followed.text);
    setFollowed(null);
    if (at >= 0) setActive({ row: active.row, column: at + 1 });
  }

  const layout = useMemo(
    () => layOut(sized === null ? columns : changeColumn(columns, sized.text, sized)),
    [columns, sized],
  );
  const rowCount = store.rows;
  const activeRow = Math.min(active.row, rowCount - 1);
  const sight = useRowScroll(scroller, rowCount, layout, hasFocus ? activeRow : -1);
  const places = useMemo(() => [...layout.pinned, ...layout.rest], [layout]);

  useEffect(() => {
    const timer = window.setInterval(() => setNow(Date.now()), NOW_MS);
    return () => window.clearInterval(timer);
  }, []);

  const shownNames = [...layout.pinned, ...sight.columns].map((one) => one.column.text).join("\n");
  useEffect(() => {
    const top = store.rowAt(sight.first);
    store.want({
      first: Math.max(0, sight.first - 20),
      last: sight.last + 20,
      columns: [...new Set(shownNames.split("\n").map(askedOf))],
      anchor: top.kind === "run" ? { id: top.id, row: sight.first } : null,
    });
  }, [store, sight.first, sight.last, shownNames, version]);

  const [curves, setCurves] = useState<SeriesLoader | null>(null);
  const drawnMetrics = [...layout.pinned, ...sight.columns]
    .map((one) => read(one.column.text))
    .filter((one) => one.kind === "curve")
    .map((one) => one.key);

  const { moveBy, toTop } = sight;
  useLayoutEffect(() => {
    const shift = store.takeShift();
    if (shift !== 0) moveBy(shift);
  }, [store, version, moveBy]);
  const epoch = store.epoch;
  useLayoutEffect(() => {
    toTop();
    if (epoch > 0) performance.mark("grid:painted");
  }, [epoch, toTop]);

  useLayoutEffect(() => {
    // A cell that is drawn anew elsewhere, as one of a column just pinned, has lost the focus.
    const isLost = hasFocus && document.activeElement === document.body;
    if (!wantsFocus.current && !isLost) return;
    const cell = scroller.current?.querySelector<HTMLElement>(
      `[data-row="${active.row}"] [data-column="${active.column}"]`,
    );
    if (!cell) return;
    wantsFocus.current = false;
    cell.focus({ preventScroll: true });
  });

  function goTo(to: Active) {
    setActive(to);
    setFollowed(null);
    wantsFocus.current = true;
    if (to.row >= 0) sight.seeRow(to.row);
    const place = places[to.column - 1];
    if (place !== undefined) sight.seeColumn(place);
    else scroller.current?.scrollTo({ left: 0 });
  }

  function turn(row: GridRow, isRange: boolean, index: number) {
    if (isRange) {
      const from = anchor.current;
      void store.idsBetween(from, index).then((ids) => onSelection(choose(selection, ids, true)));
    } else if (row.kind === "run") {
      anchor.current = index;
      onSelection(toggle(selection, row.id));
    } else if (row.kind === "group") {
      void store.idsOf(row.path).then((ids) => {
        const isOn = !ids.every((id) => isChosen(selection, id));
        onSelection(choose(selection, ids, isOn));
      });
    }
  }

  function follow(text: string, next = text) {
    if (columns[active.column - 1]?.text === text) setFollowed({ text: next, from: columns });
  }

  const head: HeadActions = {
    onSort: (text, isAdded) => onSort(turnSort(sort, askedOf(text), isAdded)),
    onSetSort: (text, isDescending) => onSort(setSort(askedOf(text), isDescending)),
    onChange: (text, change) => {
      follow(text, change.text);
      onColumns(changeColumn(columns, text, change));
    },
    onStep: (text, by) => {
      follow(text);
      onColumns(stepColumn(columns, text, by));
    },
    onMove: (text, before) => onColumns(moveColumn(columns, text, before)),
    onHide: (text) => onColumns(columns.filter((one) => one.text !== text)),
    onGroup: props.onGroup,
    onSized: (text, width, isDone) => {
      setSized(isDone ? null : { text, width });
      if (isDone) onColumns(changeColumn(columns, text, { width }));
    },
  };

  const keys = useGridKeys({
    active: { row: activeRow, column: active.column },
    rowAt: (index) => store.rowAt(index),
    columnAt: (number) => places[number - 1]?.column,
    move: (stroke) =>
      moved({ row: activeRow, column: active.column }, stroke, {
        rows: rowCount,
        columns: columns.length + 1,
        page: sight.pageRows,
      }),
    goTo,
    turn,
    turnGroup: (row) => store.toggle(row),
    chooseAll: () => onSelection({ kind: "all", except: new Set() }),
    head,
    commands: props.commands,
  });

  const width = layout.width;
  const { hrefOf } = props;
  const drawnColumns = sight.columns;
  const drawnNames = drawnColumns.map((one) => one.column.text).join("\n");
  const look = useMemo<RowLook>(
    () => ({
      layout,
      shown: drawnColumns,
      width,
      now,
      hrefOf,
      colourOf: (id) => colourOf(id, shade),
      curves,
    }),
    // eslint-disable-next-line react-hooks/exhaustive-deps -- the list is new each time; its names say whether it differs
    [layout, drawnNames, width, now, hrefOf, shade, curves],
  );
  const chosen = chosenCount(selection, store.matching);

  return (
    <div
      ref={scroller}
      role={store.isGrouped ? "treegrid" : "grid"}
      aria-label={props.label}
      aria-rowcount={rowCount + 1}
      aria-colcount={columns.length + 1}
      aria-multiselectable="true"
      aria-busy={store.isBehind}
      onKeyDown={keys}
      onFocus={(event) => {
        setHasFocus(true);
        const found = cellOf(event.target);
        if (found !== null && (found.row !== active.row || found.column !== active.column))
          setActive(found);
      }}
      onBlur={(event) => {
        if (!event.currentTarget.contains(event.relatedTarget)) setHasFocus(false);
      }}
      onClick={(event) => clicked(event, store, turn, props.commands.open)}
      onDoubleClick={(event) => {
        const row = store.rowAt(cellOf(event.target)?.row ?? -1);
        if (row.kind === "run") props.commands.open(row.id);
      }}
      className="relative h-full w-full overflow-auto bg-panel [contain:strict]"
      style={{ overflowAnchor: "none" }}
    >
      {drawnMetrics.length > 0 && (
        <Suspense fallback={null}>
          <Curves
            store={store}
            version={version}
            metrics={drawnMetrics}
            first={sight.first}
            last={sight.last}
            topics={props.topics}
            onLoader={setCurves}
          />
        </Suspense>
      )}
      <div
        className="relative"
        style={{ width, minWidth: "100%", height: HEAD_HEIGHT + sight.height }}
      >
        <div
          role="row"
          aria-rowindex={1}
          data-row={-1}
          className="sticky top-0 z-20 min-w-full border-b border-line bg-panel"
          style={{ width, height: HEAD_HEIGHT }}
        >
          <div
            className="sticky left-0 z-10 flex bg-panel"
            style={{ width: layout.pinnedWidth, height: HEAD_HEIGHT - 1 }}
          >
            <div
              role="columnheader"
              aria-colindex={1}
              data-column={0}
              tabIndex={activeRow === -1 && active.column === 0 ? 0 : -1}
              style={{ width: CHECK_WIDTH }}
              onClick={() => onSelection(chosen > 0 ? NOBODY : { kind: "all", except: new Set() })}
              className="flex shrink-0 items-center justify-center -outline-offset-2!"
            >
              <input
                type="checkbox"
                tabIndex={-1}
                readOnly
                aria-label="Choose all runs that match"
                checked={chosen > 0 && chosen >= store.matching}
                ref={(box) => {
                  if (box) box.indeterminate = chosen > 0 && chosen < store.matching;
                }}
                className="pointer-events-none accent-(--accent)"
              />
            </div>
            {layout.pinned.map((place) => (
              <HeadCell
                key={place.column.text}
                place={place}
                sort={sort}
                isActive={activeRow === -1 && active.column === place.number}
                isLastPinned={layout.pinned.at(-1) === place}
                {...head}
              />
            ))}
          </div>
          {drawnColumns.map((place) => (
            <HeadCell
              key={place.column.text}
              place={place}
              sort={sort}
              isActive={activeRow === -1 && active.column === place.number}
              isLastPinned={false}
              {...head}
            />
          ))}
        </div>
        <div
          role="rowgroup"
          className={store.isBehind ? "opacity-60" : undefined}
          style={{ position: "absolute", top: HEAD_HEIGHT, left: 0, width, minWidth: "100%" }}
        >
          {sight.rows.map(({ index, top }) => {
            const row = store.rowAt(index);
            return (
              <Row
                key={index}
                row={row}
                index={index}
                top={top}
                look={look}
                isTree={store.isGrouped}
                isChosen={row.kind === "run" && isChosen(selection, row.id)}
                isHidden={row.kind === "run" && hidden.has(row.id)}
                active={activeRow === index ? active.column : -1}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

/** The cell that an event came from. */
function cellOf(target: EventTarget): Active | null {
  if (!(target instanceof Element)) return null;
  const column = target.closest<HTMLElement>("[data-column]")?.dataset["column"];
  const row = target.closest<HTMLElement>("[data-row]")?.dataset["row"];
  if (column === undefined || row === undefined) return null;
  return { row: Number(row), column: Number(column) };
}

function clicked(
  event: React.MouseEvent,
  store: RowStore,
  turn: (row: GridRow, isRange: boolean, index: number) => void,
  open: (id: string) => void,
): void {
  const at = cellOf(event.target);
  if (at === null || at.row < 0) return;
  const row = store.rowAt(at.row);
  const isModified = event.ctrlKey || event.metaKey || event.shiftKey;
  const link = (event.target as Element).closest<HTMLElement>("[data-open]");
  if (link?.dataset["open"] && !isModified && event.button === 0) {
    event.preventDefault();
    open(link.dataset["open"]);
  } else if (at.column === 0 || (isModified && link === null)) turn(row, event.shiftKey, at.row);
  else if (row.kind === "group") store.toggle(row);
}
