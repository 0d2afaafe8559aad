// The machines of the cluster: what is taken, by whom, and what is free.

import { h } from "./dom.js";
import { bar, facts, jobLink, loading } from "./parts.js";
import { count, moment, number } from "./text.js";

const PAGE = 60;

export class NodesView {
  title = "Nodes";
  #app;
  #cluster = null;
  #num = PAGE;

  constructor(app) {
    this.#app = app;
    this.#cluster = app.cluster;
  }

  async load(api, signal) {
    const cluster = await api.get("cluster", {}, signal);
    if (signal.aborted) return;
    this.#cluster = this.#app.cluster = cluster;
  }

  draw() {
    const nodes = this.#cluster?.nodes;
    return [
      h("div", { class: "title" }, h("h1", {}, "Nodes")),
      nodes
        ? [drawTotals(nodes), drawGroups(this.#cluster.groups), this.#drawNodes(nodes)]
        : loading(),
    ];
  }

  #drawNodes(nodes) {
    if (!nodes.length) {
      const text = this.#cluster.is_reachable
        ? "The cluster has no nodes."
        : "The cluster has not been contacted yet.";
      return h("div", { class: "nothing" }, h("p", {}, text));
    }
    const left = nodes.length - this.#num;
    return [
      h("ul", { class: "cards", "aria-label": "Nodes" }, nodes.slice(0, this.#num).map(drawNode)),
      left > 0 &&
        h(
          "button",
          { type: "button", onclick: () => this.#showMore() },
          `Show more, ${count(left, "node")} left`,
        ),
    ];
  }

  #showMore() {
    this.#num += PAGE;
    this.#app.draw();
  }
}

function drawTotals(nodes) {
  const sum = (key) => nodes.reduce((total, node) => total + node[key], 0);
  const free = (kind) => `${number(sum(`free_${kind}`))} of ${number(sum(kind))}`;
  const workers = nodes.reduce((total, node) => total + numWorkers(node), 0);
  return facts([
    ["nodes", number(nodes.length)],
    ["CPUs free", free("cpus")],
    ["GPUs free", sum("gpus") ? free("gpus") : null],
    ["workers", number(workers)],
    ["drained or leaving", nodes.filter((node) => node.is_draining).length || null],
  ]);
}

// What an autoscaler adds and removes.
function drawGroups(groups) {
  return groups.length > 0 && facts(groups.map((group) => [`group ${group.name}`, inWords(group)]));
}

function inWords({ num_nodes, max_nodes, num_adding, reason }) {
  const here = `${number(num_nodes)} of at most ${count(max_nodes, "node")}`;
  const adding = num_adding ? `, ${number(num_adding)} being added` : "";
  return `${here}${adding}${reason ? `; ${reason}` : ""}`;
}

function drawNode(node) {
  const jobs = Object.entries(node.jobs);
  return h(
    "li",
    { key: node.id, class: "card" },
    h(
      "h2",
      {},
      node.name || node.id,
      node.is_draining && h("span", { class: "pill stopping" }, node.state),
    ),
    labelsText(node) && h("p", { class: "muted" }, labelsText(node)),
    node.drain && h("p", { class: "muted" }, drainText(node.drain)),
    node.leaving && h("p", { class: "muted" }, `about to be removed, says ${node.leaving}`),
    used("CPUs", node.cpus, node.free_cpus),
    node.gpus > 0 && used("GPUs", node.gpus, node.free_gpus),
    node.reservation && h("p", { class: "muted" }, `reserved (${node.reservation})`),
    othersText(node) && h("p", { class: "muted" }, othersText(node)),
    jobs.length
      ? h(
          "ul",
          {},
          jobs.map(([name, num]) =>
            h("li", { key: name }, jobLink(name), ` × ${count(num, "worker")}`),
          ),
        )
      : h("p", { class: "muted" }, "no workers"),
  );
}

function drainText({ reason, actor, since }) {
  return `${reason} (${actor}, ${moment(since)})`;
}

// The type of its GPUs, and the labels that Ray does not set itself.
function labelsText({ gpu, labels }) {
  const own = Object.entries(labels).filter(([name]) => !name.startsWith("ray.io/"));
  return [gpu, ...own.map(([name, text]) => `${name}=${text}`)].filter(Boolean).join(", ");
}

// What other programs of the same Ray use of it; empty if they use nothing.
function othersText({ others_cpus: cpus, others_gpus: gpus }) {
  const parts = [cpus && count(cpus, "CPU"), gpus && count(gpus, "GPU")].filter(Boolean);
  return parts.length ? `${parts.join(" and ")} used by other programs` : "";
}

function used(what, all, free) {
  return bar(all - free, all, `${number(all - free)} of ${number(all)} ${what} in use`);
}

function numWorkers(node) {
  return Object.values(node.jobs).reduce((total, num) => total + num, 0);
}
