/** What there is to know where nobody signs in, and how to change that. */

import { CommandLine, Section } from "../../ui/parts";

export function SignInOff({ what }: { what: string }) {
  return (
    <Section title="Sign-in is off">
      <div className="flex flex-col gap-3 p-3">
        <p>
          This server lets everybody in who reaches it, as an admin, and listens on this machine
          only. {what} Make the first user, and start the server with sign-in:
        </p>
        <CommandLine text="mere users create root --admin" />
        <CommandLine text="mere server --sign-in" />
        <p className="text-muted">
          On any other address than this machine&apos;s own, sign-in is on by itself.
        </p>
      </div>
    </Section>
  );
}
