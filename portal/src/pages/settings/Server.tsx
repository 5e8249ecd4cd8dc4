/** The server and its warehouse: versions, what waits to be folded, how large the tables are. */

import { useAbout, type About } from "../../api/access";
import { Failure, Status, Waiting } from "../../ui";
import { ago, count, duration, size, when } from "../../ui/format";
import { CommandLine, Facts, Section } from "../../ui/parts";
import { List } from "./parts";

export default function Server() {
  const found = useAbout();
  if (found.isPending) return <Waiting />;
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  const about = found.data;
  const { warehouse } = about;
  const rows = [...warehouse.tables].sort((a, b) => b.bytes - a.bytes);
  const total = rows.reduce((sum, one) => sum + one.bytes, 0);
  return (
    <div className="flex max-w-5xl flex-col gap-4 p-4">
      <div className="grid grid-cols-[repeat(auto-fit,minmax(22rem,1fr))] items-start gap-4">
        <Section title="Server" side={<Status value="OK" />}>
          <Facts
            of={[
              ["Version", `mere ${about.version}`],
              ["Speaks MLflow", about.mlflow_version],
              ["Python", about.python],
              ["Sign-in", signInWords(about)],
              ["Workers", String(about.workers)],
              ["Known to others as", about.public_url],
            ]}
          />
        </Section>
        <Section title="Warehouse">
          <Facts
            of={[
              [
                "Address",
                <bdi key="at" className="font-mono text-xs break-all">
                  {warehouse.location}
                </bdi>,
              ],
              [
                "Id",
                <code key="id" className="text-xs">
                  {warehouse.warehouse_id}
                </code>,
              ],
              [
                "Newest root",
                warehouse.root ? String(warehouse.root) : "none: nothing was folded yet",
              ],
              [
                "Made",
                warehouse.root_at && (
                  <span key="made" title={when(warehouse.root_at)}>
                    {ago(warehouse.root_at)}
                  </span>
                ),
              ],
              ["Waits to be folded", tailWords(about)],
              [
                "Folds",
                about.fold_s > 0
                  ? `this server looks every ${duration(about.fold_s)}`
                  : "not by this server",
              ],
            ]}
          />
        </Section>
      </div>
      <Section title={`${count(rows.length, "table")}, ${size(total)}; datasets apart`}>
        <List
          label="Tables"
          heads={["Table", "Rows", "Files", "Size"]}
          rows={rows}
          keyOf={(one) => one.name}
          nothing="There are no tables yet."
          show={(one) => [
            <code key="name">{one.name}</code>,
            one.rows.toLocaleString("en"),
            one.files.toLocaleString("en"),
            size(one.bytes),
          ]}
        />
      </Section>
      <Section title="To look closer">
        <div className="flex flex-col gap-2 p-3">
          <CommandLine why="Look whether every object is there and whole" text="mere doctor" />
          <CommandLine
            why="Prometheus reads the server's figures here"
            text={`curl ${window.location.origin}/metrics`}
          />
        </div>
      </Section>
    </div>
  );
}

function signInWords(about: About): string {
  if (!about.is_sign_in_required) return "off: everybody who reaches it is an admin";
  return about.has_sso ? "on, by password or single sign-on" : "on, by password";
}

function tailWords(about: About): string {
  const { unfolded, bytes, oldest_s } = about.warehouse.tail;
  if (unfolded === 0) return "nothing";
  return `${count(unfolded, "segment")}, ${size(bytes)}, the oldest ${duration(oldest_s)} old`;
}
