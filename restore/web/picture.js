// The picture of a card: what was chosen, while it is worked on; then both, with the tools to look.

import * as api from "./api.js";
import { Compare } from "./compare.js";
import { byId, button, icon, make, setText } from "./dom.js";
import { texts } from "./texts.js";

const MOST_PIXELS_SHOWN = 50e6; // decoded, each takes 4 bytes, twice over

/** An <img> of `url` once it has loaded, null where the browser can't show it. */
export function load(url, alt) {
  const image = make("img", { alt, draggable: false });
  return new Promise((resolve) => {
    image.onload = () => resolve(image);
    image.onerror = () => resolve(null);
    image.src = url;
  });
}

export class Picture {
  #photo;
  #frame = make("div", { class: "frame" });
  #note = make("p", { class: "note", hidden: true });
  #tools = make("div", { class: "tools", hidden: true });
  #compare = null;
  #urls = []; // of blobs, to be let go
  element = make("div", { class: "picture" }, this.#frame, this.#tools, this.#note);

  constructor(photo) {
    this.#photo = photo;
    this.#frame.append(icon("photo"));
  }

  /** Show the chosen file; resolves with its size, null where this browser can't show it. */
  async preview() {
    const url = URL.createObjectURL(this.#photo.file);
    this.#urls.push(url);
    const image = await load(url, texts.beforeAlt(this.#photo.name));
    if (!image) {
      this.#tell(texts.noPreview);
      return null;
    }
    this.#frame.replaceChildren(image);
    this.#shape(image);
    return { width: image.naturalWidth, height: image.naturalHeight };
  }

  /** Show the result, beside what it was made of where that can be had. Rejects as api does. */
  async result() {
    const photo = this.#photo;
    if (photo.resultPixels > MOST_PIXELS_SHOWN) {
      this.#tell(texts.tooLargeToShow(Math.round(photo.resultPixels / 1e6)));
      return;
    }
    const [before, after] = await Promise.all([
      this.#before(),
      this.#load(photo.output, texts.afterAlt(photo.name)),
    ]);
    if (!after) throw new api.Away();
    this.#tell(before ? "" : texts.noBefore);
    this.#compare = new Compare(photo.name, before, after);
    this.#frame.replaceWith(this.#compare.element);
    this.#frame = this.#compare.element;
    this.#shape(after);
    this.#fillTools();
  }

  /** Let go of the memory that the pictures hold. */
  close() {
    this.#urls.forEach((url) => URL.revokeObjectURL(url));
  }

  /** The chosen file where it can be shown, else the server's picture of it, else null. */
  async #before() {
    const shown = this.#frame.querySelector("img");
    if (shown) return shown;
    return this.#load(api.beforePath(this.#photo.id), texts.beforeAlt(this.#photo.name)).catch(
      () => null,
    );
  }

  async #load(path, alt) {
    const url = await api.picture(path);
    if (url !== path) this.#urls.push(url);
    return load(url, alt);
  }

  #shape({ naturalWidth, naturalHeight }) {
    this.#frame.style.setProperty("--ratio", naturalWidth / naturalHeight);
  }

  #tell(text) {
    setText(this.#note, text);
    this.#note.hidden = !text;
  }

  #fillTools() {
    const compare = this.#compare;
    const named = (action) => texts.of(action, this.#photo.name);
    const show = (kind) =>
      button("photo", texts[kind], named(texts[kind]), () => compare.show(kind), "quiet bare");
    const zoom = button("zoom", "", "", () => compare.toggleZoom());
    const enlarge = button("enlarge", texts.enlarge, named(texts.enlarge), () => {
      const inViewer = this.element.contains(this.#tools);
      if (inViewer) this.#openViewer();
      else byId("viewer").close();
    });
    const label = () => {
      const percent = compare.closerPercent;
      setText(zoom.lastChild, compare.enlarged ? texts.fit : texts.zoomTo(percent));
      const spoken = compare.enlarged ? texts.fitSpoken : texts.zoomSpoken(percent);
      zoom.setAttribute("aria-label", named(spoken));
    };
    compare.addEventListener("zoomed", label);
    label();
    const pair = compare.pair ? [show("before"), show("after")] : [];
    this.#tools.replaceChildren(...pair, make("span", { class: "gap" }), zoom, enlarge);
    this.#tools.hidden = false;
  }

  #openViewer() {
    const enlarge = this.#tools.lastChild;
    const face = (name, text) => {
      enlarge.firstChild.replaceWith(icon(name));
      setText(enlarge.lastChild, text);
      enlarge.setAttribute("aria-label", texts.of(text, this.#photo.name));
    };
    face("shrink", texts.shrink);
    this.#compare.openViewer(this.#tools);
    byId("viewer").addEventListener(
      "close",
      () => {
        face("enlarge", texts.enlarge);
        this.element.insertBefore(this.#tools, this.#note);
        enlarge.focus();
      },
      { once: true },
    );
    enlarge.focus();
  }
}
