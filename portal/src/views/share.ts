/** Links to what is shown: the address itself, or a short one where that is long. */

import { makeLink } from "../api/views";

/** Chats and mails cut addresses that are longer. */
export const LONG_CHARS = 1_500;

/** The link to an address of this portal. */
export async function linkTo(href: string): Promise<string> {
  if (href.length <= LONG_CHARS) return href;
  const { origin, pathname, search } = new URL(href);
  return `${origin}/s/${await makeLink(pathname + search)}`;
}

/** Copy a text; where the browser does not let us, it is said instead. */
export async function copy(text: string, done: string): Promise<string> {
  try {
    await navigator.clipboard.writeText(text);
    return done;
  } catch {
    return text;
  }
}

/** Copy a link to what is shown now; returns what to say. */
export async function copyLink(href = window.location.href): Promise<string> {
  const link = await linkTo(href);
  return copy(link, link === href ? "The link was copied." : "A short link was copied.");
}
