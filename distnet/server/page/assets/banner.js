// What is wrong with the server or the cluster, and since when.

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
  const last = since ? ` What is shown is as it was ${moment(since)}.` : "";
  if (error instanceof Unreachable) {
    const when = since ? ` since ${moment(since)}` : "";
    return h(
      "p",
      { class: "note failed" },
      h("strong", {}, `The server has not answered${when}.`),
      `${since ? " What is shown is from then." : ""} Jobs go on without it; this page tries again every 2 s.`,
    );
  }
  if (error.status === 404) return null; // the view says what is not there
  return h("p", { class: "note" }, h("strong", {}, "The server refuses: "), error.message, last);
}

function ofCluster({ seen_at, reason }) {
  const since = seen_at ? ` since ${moment(seen_at)}` : "";
  return h(
    "p",
    { class: "note" },
    h("strong", {}, `The cluster cannot be reached${since}.`),
    " Nothing new starts; what runs there may well go on. ",
    reason,
  );
}
