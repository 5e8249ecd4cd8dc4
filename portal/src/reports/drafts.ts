/** What somebody writes, kept in the browser until it is saved, so that no reload loses it. */

export interface Draft {
  title: string;
  body: string;
  /** The version it was made of. */
  was: number;
  /** When it was kept, in milliseconds. */
  at: number;
}

const keyOf = (report: string) => `mere.report.${report}`;

export function keptDraft(report: string): Draft | null {
  try {
    const said = JSON.parse(localStorage.getItem(keyOf(report)) ?? "null") as Partial<Draft> | null;
    if (typeof said?.body !== "string" || typeof said.title !== "string") return null;
    return {
      title: said.title,
      body: said.body,
      was: Number(said.was) || 0,
      at: Number(said.at) || 0,
    };
  } catch {
    return null;
  }
}

/** Whether it could be kept: a browser has room for some megabytes. */
export function keepDraft(report: string, draft: Draft): boolean {
  try {
    localStorage.setItem(keyOf(report), JSON.stringify(draft));
    return true;
  } catch {
    return false;
  }
}

export function dropDraft(report: string): void {
  localStorage.removeItem(keyOf(report));
}
