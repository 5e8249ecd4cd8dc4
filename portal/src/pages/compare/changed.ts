/** What of a text differs from another: its begin and end that are the same are set apart. */
export function changed(before: string, after: string): [string, string, string] {
  const most = Math.min(before.length, after.length);
  let head = 0;
  while (head < most && before[head] === after[head]) head++;
  let tail = 0;
  while (tail < most - head && before.at(-1 - tail) === after.at(-1 - tail)) tail++;
  // Halves of one character are not parted.
  if (isHigh(after, head - 1)) head--;
  if (tail > 0 && isHigh(after, after.length - tail - 1)) tail--;
  return [
    after.slice(0, head),
    after.slice(head, after.length - tail),
    after.slice(after.length - tail),
  ];
}

function isHigh(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 0xd800 && code <= 0xdbff;
}
