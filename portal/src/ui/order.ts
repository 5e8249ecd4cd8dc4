/** What a list is sorted by, as the address has it: `changed`, or `-changed` for the largest first. */

export interface Order {
  by: string;
  isDescending: boolean;
}

export function orderOf(text: string, usual: string): Order {
  const told = text || usual;
  return { by: told.replace(/^-/, ""), isDescending: told.startsWith("-") };
}

export function orderText(order: Order): string {
  return `${order.isDescending ? "-" : ""}${order.by}`;
}
