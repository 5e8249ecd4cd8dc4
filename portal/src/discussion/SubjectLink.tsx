/** A link to what is talked about, to what is said of it, or to one comment on it. */

import { Link } from "@tanstack/react-router";

import { subjectPlace, type Named } from "../api/discussion";

export function SubjectLink(props: {
  of: Named;
  /** Whether to show what is said of it. */
  isTalk?: boolean;
  /** A comment on it. */
  comment?: string | null | undefined;
  onClick?: () => void;
}) {
  const { of, comment } = props;
  const place = subjectPlace(of, props.isTalk ?? Boolean(comment));
  return (
    <Link
      to={place.to as "/"}
      search={{ tab: place.tab }}
      {...(comment ? { hash: `c-${comment}` } : {})}
      className="font-medium text-accent underline underline-offset-2"
      onClick={props.onClick}
    >
      {of.label}
    </Link>
  );
}
