// Elements made of text alone: nothing that came from elsewhere is ever read as markup.

/**
 * An element. `props` are attributes; `on` in them has listeners by event, `class` its classes.
 * True is an attribute without a value; false, null and undefined are left out, among children too.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === false || value === null || value === undefined) continue;
    if (name === "on") {
      for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener);
    } else if (name === "value") {
      element.value = value;
    } else {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
  add(element, children);
  return element;
}

/** Put children, texts or elements, at the end of an element. */
export function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === false || child === null || child === undefined) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Put children in place of whatever an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

/** A button that says what it does. `act` may be async: it is not pressed twice meanwhile. */
export function button(label, act, props = {}) {
  const element = h("button", { type: "button", ...props }, label);
  element.addEventListener("click", async () => {
    element.disabled = true;
    try {
      await act();
    } finally {
      element.disabled = false;
    }
  });
  return element;
}

const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** When something was, as the reader writes it; `millis` since the epoch. */
export function when(millis) {
  return h("time", { datetime: new Date(millis).toISOString() }, moment.format(millis));
}

/** Tell what happened, on the screen and to a screen reader. */
export function notify(text, { wrong = false } = {}) {
  const notice = document.getElementById("notice");
  notice.textContent = text;
  notice.classList.toggle("wrong", wrong);
  notice.classList.toggle("shown", Boolean(text));
  clearTimeout(notify.timer);
  notify.timer = setTimeout(() => notice.classList.remove("shown"), 6000);
}

/** Ask before something that cannot be taken back; whether it is wanted. */
export function confirmed(question, yes) {
  return new Promise((resolve) => {
    const dialog = h("dialog", { "aria-labelledby": "question" },
      h("p", { id: "question" }, question),
      h("form", { method: "dialog", class: "row" },
        h("button", { value: "no", autofocus: true }, "Keep"),
        h("button", { value: "yes", class: "danger" }, yes)));
    dialog.addEventListener("close", () => {
      resolve(dialog.returnValue === "yes");
      dialog.remove();
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
