// Two pictures on each other and a native slider that says where one ends and the other begins.
//
// The slider is an <input type=range> over the picture: pointer, touch and all its keys are the
// browser's own. Enlarged, only its thumb takes the pointer, and the rest of the picture moves the
// view. Where each thing lies is geometry.js; this file hears events and sets custom properties.

import { byId, make } from "./dom.js";
import { closer, extent, fit, pan, settle, zoom } from "./geometry.js";
import { texts } from "./texts.js";

const KEY_STEP = 80; // CSS pixels for each press of an arrow key, enlarged
const CLICK_PX = 4; // a pointer that moved less has clicked
const KEYS = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

export class Compare extends EventTarget {
  #frame;
  #slider;
  #surface;
  #view = null;
  #enlarged = false;
  #size = { width: 1, height: 1 };
  #home = null; // where the element stands while the viewer shows it

  /** `before` and `after` are <img> that have loaded; without `before` there is no slider. */
  constructor(name, before, after) {
    super();
    this.#size = { width: after.naturalWidth, height: after.naturalHeight };
    this.name = name;
    this.#surface = make("div", { class: "surface", role: "group", "aria-label": texts.panLabel });
    this.#frame = make("div", { class: "frame compare" }, this.#surface);
    this.element = this.#frame;
    if (before) this.#addPair(before, after);
    else this.#surface.append(after);
    after.classList.add("after");
    this.#listen();
    new ResizeObserver(() => this.#resized()).observe(this.#frame);
  }

  #addPair(before, after) {
    before.classList.add("before");
    this.#surface.append(before, after);
    const tag = (kind) => make("span", { class: `tag ${kind}`, "aria-hidden": "true" }, texts[kind]);
    this.#slider = make("input", {
      type: "range",
      class: "divider",
      min: 0,
      max: 100,
      step: 1,
      value: 50,
      "aria-label": texts.sliderLabel(this.name),
    });
    this.#tellValue();
    this.#slider.addEventListener("input", () => this.#draw());
    const line = make("div", { class: "line", "aria-hidden": "true" });
    this.#frame.classList.add("pair");
    this.#frame.append(tag("before"), tag("after"), line, this.#slider);
  }

  get enlarged() {
    return this.#enlarged;
  }

  /** Whether there is a before to compare with. */
  get pair() {
    return Boolean(this.#slider);
  }

  /** In per cent, what the zoom button leads to. */
  get closerPercent() {
    return Math.round(closer(this.#room, this.#size) * 100);
  }

  /** Show only the picture from before, or only the result. */
  show(kind) {
    this.#slider.value = kind === "before" ? 100 : 0;
    this.#draw();
  }

  /** Between the whole picture and a closer look at `point` of the frame (its middle). */
  toggleZoom(point = { x: this.#room.width / 2, y: this.#room.height / 2 }) {
    const room = this.#room;
    const whole = fit(room, this.#size);
    this.#enlarged = !this.#enlarged;
    this.#view = this.#enlarged
      ? zoom(room, this.#size, whole, closer(room, this.#size), point)
      : whole;
    this.#frame.classList.toggle("enlarged", this.#enlarged);
    if (this.#enlarged) this.#surface.tabIndex = 0;
    else this.#surface.removeAttribute("tabindex");
    this.#draw();
    this.dispatchEvent(new Event("zoomed"));
  }

  /** Fill the window with this comparison and `tools`, until it is closed. */
  openViewer(tools) {
    const viewer = byId("viewer");
    this.#home = make("div", { class: "frame placeholder" });
    this.#frame.replaceWith(this.#home);
    viewer.setAttribute("aria-label", texts.viewerLabel(this.name));
    viewer.replaceChildren(this.#frame, tools);
    viewer.addEventListener("close", () => this.#closeViewer(), { once: true });
    viewer.showModal();
  }

  #closeViewer() {
    this.#home.replaceWith(this.#frame);
    byId("viewer").replaceChildren();
    if (this.#enlarged) this.toggleZoom();
  }

  get #room() {
    return { width: this.#frame.clientWidth, height: this.#frame.clientHeight };
  }

  #resized() {
    const room = this.#room;
    if (!room.width || !room.height) return;
    const keep = this.#enlarged && this.#view;
    this.#view = keep ? settle(room, this.#size, this.#view) : fit(room, this.#size);
    this.#draw();
    this.dispatchEvent(new Event("zoomed"));
  }

  #draw() {
    if (!this.#view) return;
    const { scale, x, y } = this.#view;
    const shown = extent(this.#room, this.#size, this.#view);
    const percent = this.#slider ? Number(this.#slider.value) : 0;
    const cut = shown.left + (shown.width * percent) / 100;
    const set = (name, px) => this.#frame.style.setProperty(name, `${px}px`);
    set("--x", x);
    set("--y", y);
    set("--width", this.#size.width * scale);
    set("--height", this.#size.height * scale);
    for (const side of ["left", "top", "width", "height"]) set(`--shown-${side}`, shown[side]);
    set("--cut", cut);
    this.#tellValue();
    this.#frame.classList.toggle("little-before", percent < 15);
    this.#frame.classList.toggle("little-after", percent > 85);
  }

  #tellValue() {
    const percent = Number(this.#slider?.value);
    this.#slider?.setAttribute("aria-valuetext", texts.sliderValue(percent));
  }

  #listen() {
    this.#frame.addEventListener("dblclick", (event) => this.toggleZoom(this.#pointOf(event)));
    this.#surface.addEventListener("pointerdown", (event) => this.#drag(event));
    this.#surface.addEventListener("keydown", (event) => this.#key(event));
  }

  #pointOf(event) {
    const box = this.#frame.getBoundingClientRect();
    return { x: event.clientX - box.left, y: event.clientY - box.top };
  }

  #move(dx, dy) {
    this.#view = pan(this.#room, this.#size, this.#view, dx, dy);
    this.#draw();
  }

  #key(event) {
    const direction = KEYS[event.key];
    if (!direction || !this.#enlarged) return;
    event.preventDefault();
    this.#move(direction[0] * KEY_STEP, direction[1] * KEY_STEP);
  }

  /** Follow one pointer; one that hardly moved brings what it points at to the middle. */
  #drag(down) {
    if (!this.#enlarged || down.button) return;
    down.preventDefault(); // no selection, no drag of the image itself
    this.#surface.focus({ preventScroll: true });
    this.#surface.setPointerCapture(down.pointerId);
    let last = down;
    let far = false;
    const moved = (event) => {
      if (event.pointerId !== down.pointerId) return;
      far ||= Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > CLICK_PX;
      if (far) this.#move(event.clientX - last.clientX, event.clientY - last.clientY);
      last = event;
    };
    const done = (event) => {
      if (event.pointerId !== down.pointerId) return;
      this.#surface.removeEventListener("pointermove", moved);
      const { x, y } = this.#pointOf(event);
      const clicked = event.type === "pointerup" && !far && event.detail < 2;
      if (clicked) this.#move(this.#room.width / 2 - x, this.#room.height / 2 - y);
    };
    this.#surface.addEventListener("pointermove", moved);
    this.#surface.addEventListener("pointerup", done, { once: true });
    this.#surface.addEventListener("pointercancel", done, { once: true });
  }
}
