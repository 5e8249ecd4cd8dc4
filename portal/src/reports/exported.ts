/**
 * A report as one HTML file that needs nothing else: no script, no other file, no server.
 *
 * Charts become images, as they are on the screen, in light colours; tables and words stay text.
 */

import { rendered } from "../ui/Markdown";
import { chooseTheme, type Theme } from "../shell/theme";
import { when } from "../ui/format";
import { blocksOf } from "./blocks";

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;color:#17212b;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1,h2,h3{line-height:1.25}figure{margin:1.5rem 0;break-inside:avoid}figure h3{font-size:1rem;margin:0 0 .3rem}
img{max-width:100%}table{border-collapse:collapse;font-size:.85rem;font-variant-numeric:tabular-nums}
td,th{border:1px solid #d5dce3;padding:.15rem .5rem;text-align:left}pre,code{background:#eef2f6;border-radius:3px}
pre{padding:.6rem;overflow-x:auto}blockquote{border-left:3px solid #d5dce3;margin-left:0;padding-left:1rem;color:#55636f}
figcaption,.about{color:#55636f;font-size:.85rem}.key{display:inline-block;width:.6rem;height:.6rem;border-radius:50%;margin:0 .3rem 0 .8rem}
.table{overflow-x:auto}`;

const POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'";

export interface Exported {
  title: string;
  /** Who wrote it, and when. */
  about: string;
  body: string;
}

/** The file; every panel must be on the page within `root`. */
export async function exported(report: Exported, root: HTMLElement): Promise<string> {
  const parts: string[] = [];
  for (const block of blocksOf(report.body))
    if (block.kind === "text") parts.push(rendered(block.text, 1));
    else {
      const figure = root.querySelector<HTMLElement>(`[data-report-panel="${block.from}"]`);
      if (figure) parts.push(await figureOf(figure));
    }
  const title = escaped(report.title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${title}</h1>
<p class="about">${escaped(report.about)}</p>
${parts.join("\n")}
</body>
</html>
`;
}

async function figureOf(figure: HTMLElement): Promise<string> {
  const title = escaped(figure.querySelector("h3")?.textContent ?? "");
  const since = figure.querySelector("figcaption > span")?.textContent ?? "";
  const caption = since.startsWith("live") ? `as of ${when(Date.now())}` : escaped(since);
  const content: string[] = [];
  for (const plot of figure.querySelectorAll("canvas")) content.push(imageOf(plot, title));
  for (const image of figure.querySelectorAll("img"))
    content.push(`<img src="${await dataUrl(image.src)}" alt="${title}">`);
  for (const table of figure.querySelectorAll("table"))
    content.push(`<div class="table"><table>${rowsOf(table)}</table></div>`);
  for (const bar of figure.querySelectorAll("li, [data-said], p"))
    if (!bar.parentElement?.closest("[data-said]")) content.push(`<p>${escaped(wordsOf(bar))}</p>`);
  return `<figure><h3>${title}</h3>${content.join("")}<figcaption>${caption}${keysOf(figure)}</figcaption></figure>`;
}

/** The text of an element, what stands in its parts apart. */
function wordsOf(element: Element): string {
  if (element.tagName !== "LI") return element.textContent ?? "";
  return [...element.children]
    .map((part) => part.textContent)
    .filter(Boolean)
    .join(": ");
}

function imageOf(canvas: HTMLCanvasElement, title: string): string {
  // What lies over a chart to be pointed at has nothing on it.
  if (canvas.width === 0 || canvas.height === 0 || isBlank(canvas)) return "";
  const ratio = window.devicePixelRatio || 1;
  return `<img src="${canvas.toDataURL("image/png")}" width="${Math.round(canvas.width / ratio)}" alt="${title}">`;
}

function isBlank(canvas: HTMLCanvasElement): boolean {
  const blank = document.createElement("canvas");
  [blank.width, blank.height] = [canvas.width, canvas.height];
  return blank.toDataURL() === canvas.toDataURL();
}

/** Which line has which colour. */
function keysOf(figure: HTMLElement): string {
  const found = [...figure.querySelectorAll<HTMLElement>("span[style*=background]")];
  return found
    .filter((swatch) => swatch.parentElement?.textContent)
    .map((swatch) => {
      const colour = getComputedStyle(swatch).backgroundColor;
      return `<span class="key" style="background:${escaped(colour)}"></span>${escaped(swatch.parentElement?.textContent ?? "")}`;
    })
    .join("");
}

function rowsOf(table: HTMLTableElement): string {
  return [...table.rows]
    .map((row) => {
      const cells = [...row.cells].map((cell) => {
        const name = cell.tagName === "TH" ? "th" : "td";
        // "2 days ago" means something else tomorrow: the moment itself is beside it.
        const moment = cell.querySelector<HTMLElement>("span[title]")?.title;
        const isPassing = /ago$|now$/.test(cell.textContent ?? "");
        const text = isPassing && moment ? moment : (cell.textContent ?? "");
        return `<${name}>${escaped(text)}</${name}>`;
      });
      return `<tr>${cells.join("")}</tr>`;
    })
    .join("");
}

/** An image as text; one that cannot be read is left out. */
async function dataUrl(source: string): Promise<string> {
  if (source.startsWith("data:")) return escaped(source);
  try {
    const blob = await (await fetch(source)).blob();
    return await new Promise((done, fail) => {
      const reader = new FileReader();
      reader.onload = () => done(escaped(String(reader.result)));
      reader.onerror = () => fail(new Error("unreadable"));
      reader.readAsDataURL(blob);
    });
  } catch {
    return "";
  }
}

export function escaped(text: string): string {
  return text.replace(
    /[&<>"']/g,
    (one) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[one]!,
  );
}

/** Do something while the page is in light colours, as paper is. */
export async function onPaper<T>(chosen: Theme, act: () => Promise<T>): Promise<T> {
  chooseTheme("light");
  try {
    await painted();
    return await act();
  } finally {
    chooseTheme(chosen);
  }
}

const WAIT_MS_MAX = 30_000;
const QUIET_MS = 400;

/** Wait until nothing within an element is loading any more. */
export async function loadedWithin(root: HTMLElement): Promise<void> {
  const until = Date.now() + WAIT_MS_MAX;
  let quietSince = Date.now();
  while (Date.now() < until && Date.now() - quietSince < QUIET_MS) {
    await new Promise((done) => setTimeout(done, 50));
    const waits = [...root.querySelectorAll('[role="status"]')].some((one) =>
      one.textContent?.includes("…"),
    );
    if (waits) quietSince = Date.now();
  }
}

/** Wait for two frames: what was changed is on the canvas then. */
function painted(): Promise<void> {
  return new Promise((done) => {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50)));
  });
}

export function download(name: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type: "text/html" }));
  const link = document.createElement("a");
  link.href = address;
  link.download = `${name.replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 80) || "report"}.html`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
