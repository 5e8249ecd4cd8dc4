/** Histograms as a table: where the values of each step lie. */

import { Dialog, Waiting } from "../ui";
import { number } from "../ui/format";
import { useHistograms } from "./HistogramPanel";
import { quantile } from "./histograms";

const SHARES = [0.05, 0.25, 0.5, 0.75, 0.95];

export function HistogramTable({
  title,
  run,
  name,
  onClose,
}: {
  title: string;
  run: string;
  name: string;
  onClose: () => void;
}) {
  const stack = useHistograms(run, name).data;
  return (
    <Dialog title={`${title}: the data`} isOpen onClose={onClose} width="48rem">
      {stack === undefined ? (
        <Waiting />
      ) : (
        <table className="w-full text-right tabular-nums">
          <thead className="text-muted">
            <tr className="border-b border-line">
              <th className="py-1 font-medium">Step</th>
              <th className="font-medium">Values</th>
              <th className="font-medium">Least</th>
              {SHARES.map((share) => (
                <th key={share} className="font-medium">
                  {share * 100} % below
                </th>
              ))}
              <th className="font-medium">Greatest</th>
            </tr>
          </thead>
          <tbody>
            {stack.histograms.map((one, i) => (
              <tr key={stack.steps[i]} className="border-b border-line last:border-0">
                <th scope="row" className="py-0.5 font-normal">
                  {number(stack.steps[i])}
                </th>
                <td>{number(one.counts.reduce((sum, many) => sum + many, 0))}</td>
                <td>{number(one.edges[0])}</td>
                {SHARES.map((share) => (
                  <td key={share}>{number(quantile(one, share))}</td>
                ))}
                <td>{number(one.edges[one.edges.length - 1])}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Dialog>
  );
}
