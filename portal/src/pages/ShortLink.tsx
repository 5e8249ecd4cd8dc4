/** A short link: leads to the address that it stands for. */

import { useQuery } from "@tanstack/react-query";
import { useParams, useRouter } from "@tanstack/react-router";
import { useEffect } from "react";

import { resolveLink } from "../api/views";
import { Failure, Waiting } from "../ui";

export default function ShortLink() {
  const { link = "" } = useParams({ strict: false }) as { link?: string };
  const { history } = useRouter();
  const found = useQuery({
    queryKey: ["link", link],
    queryFn: ({ signal }) => resolveLink(link, signal),
    staleTime: Infinity,
  });
  const address = found.data;
  useEffect(() => {
    if (address !== undefined) history.replace(address);
  }, [address, history]);
  if (found.isError) return <Failure error={found.error} onRetry={() => void found.refetch()} />;
  return <Waiting what="Opening the link" />;
}
