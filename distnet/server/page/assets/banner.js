// The banner: the server or the cluster cannot be reached, and since when.

import { Unreachable } from "./api.js";
import { h } from "./dom.js";
import { moment } from "./text.js";

export function drawBanner({ api, trouble, cluster }) {
  if (!api) return null;
  if (trouble) return ofServer(trouble);
  if (cluster && !cluster.is_reachable) return ofCluster(cluster);
  return null;
}

function ofServer({ error, since }) {
  const last = since ? ` This page shows the state of ${moment(since)}.` : "";
  if (error instanceof Unreachable) {
    const when = since ? ` since ${moment(since)}` : "";
    return h(
      "p",
      { class: "note failed" },
      h("strong", {}, `The server has not responded${when}.`),
      `${since ? " This page shows the state of then." : ""} Jobs continue without the server; this page tries again every 2 s.`,
    );
  }
  if (error.status === 404) return null; // the view says what does not exist
  return h("p", { class: "note" }, h("strong", {}, "Request refused: "), error.message, last);
}

function ofCluster({ seen_at, reason }) {
  const since = seen_at ? ` since ${moment(seen_at)}` : "";
  return h(
    "p",
    { class: "note" },
    h("strong", {}, `The cluster cannot be reached${since}.`),
    " No job can start; running jobs may continue. ",
    reason,
  );
}
