import { describe, expect, it } from "vitest";

import { messagesOf, opened } from "./chat";

const hello = { kind: "text", text: "hello" };

describe("conversations", () => {
  it("are found in OpenAI's requests and answers", () => {
    expect(messagesOf({ model: "m", messages: [{ role: "user", content: "hello" }] })).toEqual([
      { role: "user", parts: [hello] },
    ]);
    const call = { id: "1", type: "function", function: { name: "f", arguments: '{"a": 1}' } };
    const answer = {
      choices: [{ message: { role: "assistant", content: null, tool_calls: [call] } }],
    };
    expect(messagesOf(JSON.stringify(answer))).toEqual([
      { role: "assistant", parts: [{ kind: "call", name: "f", args: { a: 1 }, id: "1" }] },
    ]);
  });

  it("are found in Anthropic's, with the system's words and results of tools", () => {
    const found = messagesOf({
      system: "be brief",
      messages: [
        { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content: "42" }] },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "hm" },
            { type: "text", text: "hello" },
          ],
        },
      ],
    });
    expect(found).toEqual([
      { role: "system", parts: [{ kind: "text", text: "be brief" }] },
      { role: "user", parts: [{ kind: "result", id: "t", value: "42" }] },
      { role: "assistant", parts: [{ kind: "thought", text: "hm" }, hello] },
    ]);
  });

  it("are found in LangChain's and OpenTelemetry's", () => {
    expect(messagesOf([[{ type: "human", content: "hello" }]])?.[0]?.role).toBe("user");
    const serialised = { id: ["langchain", "AIMessage"], kwargs: { content: "hello" } };
    expect(messagesOf([serialised])).toEqual([{ role: "assistant", parts: [hello] }]);
    expect(messagesOf([{ role: "user", parts: [{ type: "text", content: "hello" }] }])).toEqual([
      { role: "user", parts: [hello] },
    ]);
  });

  it("are not found in other values", () => {
    for (const value of [
      null,
      "hello",
      3,
      [],
      {},
      [1, 2],
      { a: [{ b: 1 }] },
      [{ type: "x", content: 1 }],
    ])
      expect(messagesOf(value)).toBeNull();
  });

  it("leaves texts alone that only look like JSON", () => {
    expect(opened('{"a": 1}')).toEqual({ a: 1 });
    expect(opened("{not json")).toBe("{not json");
    expect(opened("42")).toBe("42");
  });
});
