/** The box of a popover, beneath what opened it. */

import { Popover } from "radix-ui";
import type { ComponentProps } from "react";

import { cx } from "./index";

export function PopoverBox({
  className,
  ...rest
}: ComponentProps<typeof Popover.Content> & { "aria-label": string }) {
  return (
    <Popover.Portal>
      <Popover.Content
        sideOffset={4}
        collisionPadding={8}
        className={cx("z-50 rounded-lg border border-line bg-panel shadow-xl", className)}
        {...rest}
      />
    </Popover.Portal>
  );
}
