// Status: how each part is, what waits to be learned, how long recall and first words take.

import { ask, events } from "./api.js";
import { fail } from "./app.js";
import { fill, h } from "./dom.js";

const POINTS = 60;
const SVG = "http://www.w3.org/2000/svg";

export async function status(main) {
  const leaving = new AbortController();
  const parts = h("ul", { class: "parts" });
  const counts = h("dl", { class: "counts" });
  const charts = {
    recall: chart("Recall"), first: chart("First word of an answer"), pending: chart("Turns to be learned"),
  };
  fill(main, h("section", { class: "page", "aria-label": "Status" },
    h("h1", {}, "Status"), parts, counts,
    h("div", { class: "charts" }, Object.values(charts).map((each) => each.element))));
  const response = await ask("GET", "/v1/status/events", { signal: leaving.signal });
  (async () => {
    for await (const { data } of events(response)) {
      const now = JSON.parse(data);
      fill(parts, Object.entries(now.parts).map(([part, state]) =>
        h("li", { class: state === "ok" ? "ok" : "wrong" }, h("strong", {}, part), " ", state)));
      fill(counts, Object.entries({
        "Waiting to be learned": now.pending ?? "unknown",
        "The oldest for": now.oldest_seconds === null ? "—" : `${Math.round(now.oldest_seconds)} s`,
        "Given up": now.parked ?? "unknown",
        "In the spool": now.spooled,
        "Memories of this user": now.memories ?? "unknown",
        "Chats under way": now.in_flight,
      }).flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
      charts.recall.push(now.recall_ms, "ms");
      charts.first.push(now.first_ms, "ms");
      charts.pending.push(now.pending, "");
    }
  })().catch((error) => fail(error));
  return () => leaving.abort();
}

/** A small line of the latest values; a value of null leaves the line as it is. */
function chart(title) {
  const values = [];
  const line = document.createElementNS(SVG, "polyline");
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", `0 0 ${POINTS - 1} 40`);
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(line);
  const latest = h("span", { class: "latest" }, "—");
  return {
    element: h("figure", { class: "card" },
      h("figcaption", {}, title, " ", latest), drawing),
    push(value, unit) {
      if (value === null || value === undefined) return;
      values.push(value);
      if (values.length > POINTS) values.shift();
      const most = Math.max(1, ...values);
      const points = values.map((each, index) =>
        `${POINTS - values.length + index},${(38 - (36 * each) / most).toFixed(1)}`);
      line.setAttribute("points", points.join(" "));
      latest.textContent = `${value < 10 ? value.toFixed(1) : Math.round(value)} ${unit}`.trim();
    },
  };
}
