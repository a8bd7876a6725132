// Knowledge: bases of files that answers may draw on, and what was read out of each file.

import { ask, get, send } from "./api.js";
import { fail } from "./app.js";
import { add, button, confirmed, fill, h, notify, when } from "./dom.js";

const LOOK = 500; // milliseconds between two looks at files that are still being learned
const PAGE = 20;

/** The view. `rest` is a base's id, if the address names one. */
export async function knowledge(main, [id = ""] = []) {
  const view = new Knowledge(main);
  await (id ? view.base(id) : view.bases());
  return () => clearTimeout(view.timer);
}

class Knowledge {
  constructor(main) {
    this.main = main;
  }

  async bases() {
    const { data } = await get("/v1/knowledge-bases?limit=100");
    const name = h("input", { id: "name", required: true, maxlength: 200, "aria-label": "Name" });
    const form = h("form", { class: "row" }, h("label", { for: "name" }, "New base"), name,
      h("button", { class: "primary" }, "Create"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      try {
        const made = await send("POST", "/v1/knowledge-bases", { name: name.value.trim() });
        location.hash = `#/knowledge/${encodeURIComponent(made.id)}`;
      } catch (error) {
        fail(error);
      }
    });
    fill(this.main, h("section", { class: "page", "aria-label": "Knowledge" },
      h("h1", {}, "Knowledge"),
      h("p", {}, "Files that answers may draw on, beside what is remembered of a user. They are the project's: everybody in it may ask them."),
      form,
      h("ul", { class: "memories" }, data.map((base) => h("li", { class: "row card" },
        h("a", { class: "grow", href: `#/knowledge/${encodeURIComponent(base.id)}` }, base.name),
        when(base.created_at),
        button("Delete", () => this.remove(base), { class: "quiet", "aria-label": `Delete ${base.name}` }))))));
  }

  async remove(base) {
    if (!await confirmed(`Delete “${base.name}” with all its files?`, "Delete")) return;
    try {
      await ask("DELETE", `/v1/knowledge-bases/${encodeURIComponent(base.id)}`);
      await this.bases();
    } catch (error) {
      fail(error);
    }
  }

  async base(id) {
    const path = `/v1/knowledge-bases/${encodeURIComponent(id)}`;
    const base = await get(path);
    const picked = h("input", { type: "file", id: "files", multiple: true });
    const area = h("div", { class: "drop" },
      h("label", { for: "files" }, "Drop files here, or choose some: PDF, DOCX, TXT, JSON, MD, XML"),
      h("p", {}, picked));
    const files = h("ul", { class: "memories", "aria-label": "Files" });
    this.sending = h("ul", { class: "memories", "aria-label": "Sending" });
    const detail = h("section", { "aria-label": "What was read", "aria-live": "polite" });
    const over = (on) => (event) => {
      event.preventDefault();
      area.classList.toggle("over", on);
    };
    for (const [event, on] of [["dragover", true], ["dragleave", false]]) {
      area.addEventListener(event, over(on));
    }
    area.addEventListener("drop", (event) => {
      over(false)(event);
      this.upload(path, event.dataTransfer.files, files, detail);
    });
    picked.addEventListener("change", () => this.upload(path, picked.files, files, detail));
    fill(this.main, h("section", { class: "page", "aria-label": "Knowledge" },
      h("p", {}, h("a", { href: "#/knowledge" }, "All bases")),
      h("h1", {}, base.name), area, this.sending, files, detail));
    await this.list(path, files, detail);
  }

  /** Send the files, each by itself, so that each has its own progress and its own fate. */
  async upload(path, chosen, files, detail) {
    for (const file of [...chosen]) {
      const bar = h("progress", { "aria-label": `Sending ${file.name}` });
      const row = h("li", { class: "row card" }, h("span", { class: "grow" }, file.name), bar);
      this.sending.prepend(row);
      const form = new FormData();
      form.append("file", file);
      try {
        await ask("POST", `${path}/files`, { body: form });
      } catch (error) {
        fill(row, h("span", { class: "grow" }, file.name), h("span", { class: "wrong", role: "alert" }, error.message),
          button("Dismiss", () => row.remove(), { class: "quiet", "aria-label": `Dismiss ${file.name}` }));
        continue;
      }
      row.remove();
      await this.list(path, files, detail).catch(fail);
    }
  }

  async list(path, files, detail) {
    clearTimeout(this.timer);
    const { data } = await get(`${path}/files?limit=100`);
    fill(files, data.map((file) => h("li", { class: "row card" },
      h("button", {
        type: "button", class: "quiet grow", on: { click: () => this.read(path, file, detail).catch(fail) },
      }, file.name),
      h("span", { class: "hint" }, size(file.bytes)),
      file.status === "running" ? h("progress", { "aria-label": `Learning ${file.name}` }) : null,
      h("span", { class: file.status === "failed" ? "wrong" : "hint" }, said(file)),
      button("Delete", async () => {
        if (!await confirmed(`Delete “${file.name}” and what was read out of it?`, "Delete")) return;
        try {
          await ask("DELETE", `${path}/files/${encodeURIComponent(file.id)}`);
          fill(detail);
          notify("Deleted.");
          await this.list(path, files, detail);
        } catch (error) {
          fail(error);
        }
      }, { class: "quiet", "aria-label": `Delete ${file.name}` }))));
    if (data.some((file) => file.status === "running")) {
      this.timer = setTimeout(() => this.list(path, files, detail).catch(fail), LOOK);
    }
  }

  async read(path, file, detail, page = 1) {
    const { read } = await get(`${path}/files/${encodeURIComponent(file.id)}?page=${page}&limit=${PAGE}`);
    const chunks = read.data.map((chunk) => h("li", { class: "card" },
      h("p", { class: "hint" }, [chunk.heading, chunk.page && `page ${chunk.page}`].filter(Boolean).join(" · ")),
      h("p", {}, chunk.content)));
    if (page === 1) fill(detail, h("h2", {}, `Read out of ${file.name}`), h("ol", { class: "history" }));
    add(detail.querySelector("ol"), chunks);
    if (read.has_more) {
      const more = button("More", async () => {
        more.remove();
        await this.read(path, file, detail, page + 1).catch(fail);
      });
      add(detail, [more]);
    }
  }
}

function said(file) {
  if (file.status === "failed") return file.error ?? "could not be read";
  return file.status === "running" ? "being learned" : `${file.chunks} pieces`;
}

function size(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  return bytes < 1024 ** 2 ? `${(bytes / 1024).toFixed(0)} kB` : `${(bytes / 1024 ** 2).toFixed(1)} MB`;
}
