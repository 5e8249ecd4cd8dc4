/** Where panels lie on a board, and which of them are in view: arithmetic, no elements. */

export const HEADER_PX = 34;
export const GAP_PX = 10;
export const PANEL_PX = 270;
const COLUMN_MIN_PX = 330;
const COLUMNS_MAX = 4;

/** So many charts exist at once, at most. */
export const MOUNTED_MAX = 12;

export interface SectionSize {
  id: string;
  panels: number;
  isOpen: boolean;
}

export interface PlacedSection extends SectionSize {
  top: number;
  height: number;
}

export interface BoardLayout {
  columns: number;
  panelWidth: number;
  height: number;
  sections: PlacedSection[];
}

export interface PlacedPanel {
  section: string;
  /** Its number within the section. */
  index: number;
  left: number;
  top: number;
}

export function layOut(sections: readonly SectionSize[], width: number): BoardLayout {
  const columns = Math.max(
    1,
    Math.min(COLUMNS_MAX, Math.floor((width + GAP_PX) / (COLUMN_MIN_PX + GAP_PX))),
  );
  const panelWidth = Math.floor((width - GAP_PX * (columns - 1)) / columns);
  let top = 0;
  const placed = sections.map((section) => {
    const rows = section.isOpen ? Math.ceil(section.panels / columns) : 0;
    const height = HEADER_PX + rows * (PANEL_PX + GAP_PX);
    const found = { ...section, top, height };
    top += height;
    return found;
  });
  return { columns, panelWidth, height: top, sections: placed };
}

/**
 * The panels in view, and as many around them as may be mounted, those nearest first.
 *
 * What is in view wins over what is only near, and what is nearer to its middle over the rest.
 */
export function panelsInView(
  layout: BoardLayout,
  scrollTop: number,
  viewHeight: number,
  margin = PANEL_PX,
): PlacedPanel[] {
  const [from, to] = [scrollTop - margin, scrollTop + viewHeight + margin];
  const found: PlacedPanel[] = [];
  const row = PANEL_PX + GAP_PX;
  for (const section of layout.sections) {
    if (!section.isOpen || section.top + section.height < from || section.top > to) continue;
    const top = section.top + HEADER_PX;
    const first = Math.max(0, Math.floor((from - top) / row)) * layout.columns;
    const end = Math.min(section.panels, (Math.floor((to - top) / row) + 1) * layout.columns);
    for (let index = first; index < end; index++)
      found.push({
        section: section.id,
        index,
        left: (index % layout.columns) * (layout.panelWidth + GAP_PX),
        top: top + Math.floor(index / layout.columns) * row,
      });
  }
  if (found.length <= MOUNTED_MAX) return found;
  const middle = scrollTop + viewHeight / 2;
  const far = (panel: PlacedPanel) => Math.abs(panel.top + PANEL_PX / 2 - middle);
  const nearest = [...found].sort((a, b) => far(a) - far(b)).slice(0, MOUNTED_MAX);
  const kept = new Set(nearest);
  return found.filter((panel) => kept.has(panel));
}
