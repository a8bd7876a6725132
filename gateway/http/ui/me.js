// Me: everything that is held about this user, to take away, or to be rid of.

import { ask, session } from "./api.js";
import { fail } from "./app.js";
import { add, button, confirmed, fill, h, notify, when } from "./dom.js";

export async function me(main) {
  const receipt = h("div", { role: "status" });
  const path = () => `/v1/users/${encodeURIComponent(session.user)}`;

  async function take() {
    try {
      const response = await ask("GET", `${path()}/export`);
      const file = URL.createObjectURL(await response.blob());
      const link = h("a", { href: file, download: `memory-of-${session.user.replace(/[^\w.-]+/g, "_")}.jsonl` });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(file), 60_000);
      notify("The file is on its way to your downloads.");
    } catch (error) {
      fail(error);
    }
  }

  async function forget() {
    if (!await confirmed(`Forget everything about “${session.user}”? It cannot be had back.`, "Forget everything")) return;
    try {
      const erased = await (await ask("DELETE", path())).json();
      fill(receipt, h("div", { class: "card" },
        h("h2", {}, "Forgotten"),
        h("p", {}, `${erased.turns} turns, ${erased.memories} memories, ${erased.contributions} contributions and ${erased.entries} entries are gone since `, when(erased.erased_at), "."),
        h("p", { class: "hint" }, "Receipt: ", h("code", {}, erased.id))));
    } catch (error) {
      fail(error);
    }
  }

  fill(main, h("section", { class: "page", "aria-label": "Me" },
    h("h1", {}, "Me"),
    h("p", {}, "This page shows the memory of the user ", h("strong", {}, session.user),
      ". Another is chosen at the top, as far as the key allows."),
    h("div", { class: "card" },
      h("h2", {}, "Take it along"),
      h("p", {}, "Everything that is held: what was said, what was learned, with all its history. A line of JSON for each."),
      button("Export everything", take, { class: "primary" })),
    h("div", { class: "card" },
      h("h2", {}, "Forget everything"),
      h("p", {}, "What was said, what was learned, and what this user gave to others. Nothing of it is learned again."),
      button("Forget everything", forget, { class: "danger" })),
    receipt));
}
