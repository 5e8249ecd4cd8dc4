/** The arrangement of a board, kept in the address under `panels`. */

import { useNavigate, useSearch } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";

import { decodeBoard, encodeBoard, type Board } from "./settings";

export function useBoard(): [Board, (next: (board: Board) => Board) => void] {
  const text = useSearch({ strict: false, select: (search) => search.panels });
  const navigate = useNavigate();
  const board = useMemo(() => decodeBoard(text), [text]);
  const change = useCallback(
    (next: (board: Board) => Board) =>
      void navigate({
        to: ".",
        search: (before: Record<string, string | undefined>) => ({
          ...before,
          panels: encodeBoard(next(decodeBoard(before["panels"]))) || undefined,
        }),
        resetScroll: false,
      } as Parameters<typeof navigate>[0]),
    [navigate],
  );
  return [board, change];
}
