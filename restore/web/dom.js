// Small help with the document: elements, icons, and what a screen reader is told.

const SVG = "http://www.w3.org/2000/svg";

/** The element of the page with this id. */
export const byId = (id) => document.getElementById(id);

/** A new element: properties by name, `class` and attributes with a dash too, then children. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "class") element.className = value;
    else if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children);
  return element;
}

/** One of the icons that index.html holds; it says nothing to a screen reader. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  svg.setAttribute("aria-hidden", "true");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** A button with an icon, a visible text, and a longer name for those who don't see its place. */
export function button(iconName, text, spoken, onClick, kind = "quiet") {
  const label = make("span", {}, text);
  const element = make("button", { type: "button", class: kind, "aria-label": spoken });
  element.append(icon(iconName), label);
  element.addEventListener("click", onClick);
  return element;
}

/** Set the text only where it differs: a screen reader and a selection notice each change. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Tell a screen reader, when it has finished what it says. */
export const say = (text) => tell("said", text);

/** Tell a screen reader now. */
export const warn = (text) => tell("warned", text);

const FORGOTTEN_MS = 10_000;

function tell(id, text) {
  const line = make("p", {}, text); // one element each: what comes at once is all read
  byId(id).append(line);
  setTimeout(() => line.remove(), FORGOTTEN_MS);
}
