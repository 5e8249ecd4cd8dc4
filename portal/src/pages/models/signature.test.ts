import { expect, test } from "vitest";

import { signatureOf } from "./signature";

test("columns, tensors, nested types and params are read", () => {
  const shape = signatureOf(
    JSON.stringify({
      inputs: [
        { name: "amount", type: "double", required: true },
        { name: "words", type: "array", items: { type: "string" }, required: false },
      ],
      outputs: JSON.stringify([
        { type: "tensor", "tensor-spec": { dtype: "float32", shape: [-1, 10] } },
      ]),
      params: [{ name: "threshold", type: "double", default: 0.5 }],
    }),
  );
  expect(shape?.inputs).toEqual([
    { name: "amount", type: "double", isOptional: false, note: "" },
    { name: "words", type: "array of string", isOptional: true, note: "" },
  ]);
  expect(shape?.outputs[0]).toMatchObject({ name: "#1", type: "float32", note: "shape [-1,10]" });
  expect(shape?.params[0]?.note).toBe("by default 0.5");
});

test("what cannot be read is none", () => {
  expect(signatureOf(null)).toBeNull();
  expect(signatureOf("{")).toBeNull();
  expect(signatureOf("[]")).toBeNull();
  expect(signatureOf('{"inputs": "x"}')).toBeNull();
});
