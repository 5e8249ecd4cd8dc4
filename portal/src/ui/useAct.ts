/** Something that is sent when somebody asks for it: whether it is on its way, why it was refused. */

import { useState } from "react";

export interface Act {
  isBusy: boolean;
  error: string;
  /** Do it; true where it was not refused. */
  run: (doing: () => Promise<unknown>) => Promise<boolean>;
  reset: () => void;
}

export function useAct(): Act {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState("");
  return {
    isBusy,
    error,
    run: async (doing) => {
      setBusy(true);
      setError("");
      try {
        await doing();
        return true;
      } catch (refusal) {
        setError(refusal instanceof Error ? refusal.message : String(refusal));
        return false;
      } finally {
        setBusy(false);
      }
    },
    reset: () => setError(""),
  };
}
