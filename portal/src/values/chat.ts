/**
 * Conversations in the inputs and outputs of a span, as the many libraries write them.
 *
 * Known are the shapes of OpenAI, Anthropic, LangChain, OpenTelemetry (messages of parts) and what
 * wraps them. What is no conversation is null, and shown as a value.
 */

export type Part =
  | { kind: "text"; text: string }
  | { kind: "thought"; text: string }
  | { kind: "call"; name: string; args: unknown; id: string }
  | { kind: "result"; id: string; value: unknown }
  | { kind: "media"; label: string }
  | { kind: "other"; value: unknown };

export interface Message {
  role: string;
  parts: Part[];
}

type Fields = Record<string, unknown>;

const ROLES: Record<string, string> = {
  human: "user",
  ai: "assistant",
  AIMessageChunk: "assistant",
};
const WRAPS = ["messages", "message", "choices", "generations", "input", "output", "outputs"];
const DEPTH_MAX = 4;

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** JSON within a text is what was meant; any other text is itself. */
export function opened(value: unknown): unknown {
  if (typeof value !== "string" || !/^\s*[[{"]/.test(value)) return value;
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
}

export function messagesOf(value: unknown): Message[] | null {
  return found(opened(value), 0);
}

function found(value: unknown, depth: number): Message[] | null {
  if (depth > DEPTH_MAX) return null;
  if (Array.isArray(value)) {
    if (value.length === 0) return null;
    // LangChain has a list of conversations; the first is the one that was had.
    if (value.length === 1 && Array.isArray(value[0])) return found(value[0], depth + 1);
    const all = value.map((one) => messageOf(one) ?? found(one, depth + 1)?.[0] ?? null);
    return all.every((one) => one !== null) ? (all as Message[]) : null;
  }
  if (!isFields(value)) return null;
  const one = messageOf(value);
  if (one) return [one];
  for (const name of WRAPS)
    if (name in value) {
      const inner = found(opened(value[name]), depth + 1);
      if (inner) return withSystem(value, inner);
    }
  return null;
}

/** Anthropic's requests have the system's words beside the messages. */
function withSystem(value: Fields, messages: Message[]): Message[] {
  if (typeof value.system !== "string" || messages.some((one) => one.role === "system"))
    return messages;
  return [{ role: "system", parts: [{ kind: "text", text: value.system }] }, ...messages];
}

function messageOf(raw: unknown): Message | null {
  if (!isFields(raw)) return null;
  const value = isFields(raw.kwargs) && Array.isArray(raw.id) ? unwrapped(raw) : raw;
  const role = roleOf(value);
  if (role === null) return null;
  const parts: Part[] = [];
  if (Array.isArray(value.parts)) parts.push(...value.parts.flatMap(partOf));
  if (typeof value.reasoning_content === "string" && value.reasoning_content)
    parts.push({ kind: "thought", text: value.reasoning_content });
  const isResult = role === "tool" && value.content !== undefined;
  if (isResult)
    parts.push({ kind: "result", id: text(value.tool_call_id), value: opened(value.content) });
  else parts.push(...contentOf(value.content));
  parts.push(...callsOf(value));
  if (parts.length === 0 && !("content" in value) && !("parts" in value)) return null;
  return { role, parts };
}

/** LangChain's serialised messages: the class is in the id, the fields in `kwargs`. */
function unwrapped(raw: Fields): Fields {
  const kind = text((raw.id as unknown[]).at(-1))
    .replace(/Message(Chunk)?$/, "")
    .toLowerCase();
  return { type: kind, ...(raw.kwargs as Fields) };
}

function roleOf(value: Fields): string | null {
  const said = value.role ?? (typeof value.content !== "undefined" ? value.type : undefined);
  if (typeof said !== "string" || said === "") return null;
  if (
    value.role === undefined &&
    !["human", "ai", "system", "tool", "AIMessageChunk"].includes(said)
  )
    return null;
  return ROLES[said] ?? said;
}

function contentOf(content: unknown): Part[] {
  if (typeof content === "string") return content ? [{ kind: "text", text: content }] : [];
  if (Array.isArray(content)) return content.flatMap(partOf);
  return content === undefined || content === null ? [] : [{ kind: "other", value: content }];
}

function partOf(raw: unknown): Part[] {
  if (typeof raw === "string") return [{ kind: "text", text: raw }];
  if (!isFields(raw)) return [{ kind: "other", value: raw }];
  const type = text(raw.type);
  const words = raw.text ?? raw.content;
  if (/^(text|input_text|output_text)$/.test(type) && typeof words === "string")
    return [{ kind: "text", text: words }];
  if (/^(thinking|reasoning)$/.test(type))
    return [{ kind: "thought", text: text(raw.thinking ?? words) }];
  if (/^(tool_use|tool_call|function_call)$/.test(type))
    return [callOf(text(raw.name), raw.input ?? raw.arguments, raw.id ?? raw.call_id)];
  if (/^(tool_result|tool_call_response|function_call_output)$/.test(type)) {
    const value = raw.content ?? raw.response ?? raw.result ?? raw.output;
    return [{ kind: "result", id: text(raw.tool_use_id ?? raw.id), value: opened(value) }];
  }
  if (/image|audio|file|document|video|blob|uri/.test(type))
    return [{ kind: "media", label: type }];
  return [{ kind: "other", value: raw }];
}

function callsOf(value: Fields): Part[] {
  const calls = Array.isArray(value.tool_calls) ? value.tool_calls : [];
  const parts = calls.filter(isFields).map((call) => {
    const inner = isFields(call.function) ? call.function : call;
    return callOf(text(inner.name), inner.arguments ?? inner.args ?? inner.input, call.id);
  });
  const old = value.function_call;
  if (isFields(old)) parts.push(callOf(text(old.name), old.arguments, ""));
  return parts;
}

function callOf(name: string, args: unknown, id: unknown): Part {
  return { kind: "call", name: name || "tool", args: opened(args), id: text(id) };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
