/** What a model takes and gives, read off the JSON that its maker wrote. */

export interface Field {
  name: string;
  type: string;
  isOptional: boolean;
  note: string;
}

export interface Shape {
  inputs: Field[];
  outputs: Field[];
  params: Field[];
}

/** The fields of a signature; null where there is none or it cannot be read. */
export function signatureOf(text: string | null): Shape | null {
  if (!text) return null;
  try {
    const told = JSON.parse(text) as Record<string, unknown>;
    const part = (name: string) => fields(told[name]);
    const shape = { inputs: part("inputs"), outputs: part("outputs"), params: part("params") };
    return Object.values(shape).some((one) => one.length > 0) ? shape : null;
  } catch {
    return null;
  }
}

function fields(value: unknown): Field[] {
  const told: unknown = typeof value === "string" ? JSON.parse(value) : value;
  if (!Array.isArray(told)) return [];
  return told.map((one: unknown, at) => field(one, at));
}

function field(value: unknown, at: number): Field {
  const one = (value ?? {}) as Record<string, unknown>;
  const tensor = one["tensor-spec"] as { dtype?: unknown; shape?: unknown } | undefined;
  const notes = [
    "default" in one && one.default !== null ? `by default ${JSON.stringify(one.default)}` : "",
    tensor ? `shape ${JSON.stringify(tensor.shape)}` : "",
  ];
  return {
    name: typeof one.name === "string" ? one.name : `#${at + 1}`,
    type: tensor ? String(tensor.dtype) : typeText(one),
    isOptional: one.required === false || one.optional === true,
    note: notes.filter(Boolean).join(", "),
  };
}

function typeText(one: Record<string, unknown>): string {
  const { type, items, properties } = one;
  if (type === "array") return `array of ${typeText((items ?? {}) as Record<string, unknown>)}`;
  if (type === "object" && properties && typeof properties === "object")
    return `object of ${Object.keys(properties).join(", ")}`;
  return typeof type === "string" ? type : "any";
}
