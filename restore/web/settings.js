// What is asked for the next photos, and what may be asked: strength, size, model, limits.

import * as api from "./api.js";
import { byId, make, setText } from "./dom.js";
import { texts } from "./texts.js";

const MIB = 1024 * 1024;

/** What the server takes; it says so itself, and until then this is the contract's. */
export const limits = { max_image_bytes: 15 * MIB, max_side_px: 4096, upscales: [1, 2, 4] };

/** Build the form, with what the contract says until the server has said more. */
export function start() {
  byId("settings").addEventListener("submit", (event) => event.preventDefault());
  byId("strength").addEventListener("input", showStrength);
  showStrength();
  showLimits();
  byId("upscale").replaceChildren(...limits.upscales.map(segment));
}

/** Ask the server what it offers. Rejects as api does. */
export async function learn() {
  const [told, offered] = await Promise.all([api.limits(), api.models()]);
  Object.assign(limits, told);
  showLimits();
  showModels(offered?.models ?? []);
}

/** As the form stands now: { strength, upscale, model }, an empty model being the default. */
export function current() {
  return {
    strength: Number(byId("strength").value),
    upscale: Number(byId("settings").elements.upscale.value),
    model: byId("model-field").hidden ? "" : byId("model").value,
  };
}

/** By how much a file is too large: rounded up, for 15.01 is not 15. */
export const megabytesOver = (bytes) => Math.ceil((bytes / MIB) * 10) / 10;

/** Megabytes as people are told them: one decimal where it says something. */
export function megabytes(bytes) {
  const number = bytes / MIB;
  return number < 10 ? Number(number.toFixed(1)) : Math.round(number);
}

function showStrength() {
  const { value } = byId("strength");
  setText(byId("strength-value"), Number(value).toFixed(2).replace(/0$/, ""));
}

function showLimits() {
  setText(byId("limits"), texts.limits(megabytes(limits.max_image_bytes), limits.max_side_px));
}

function segment(scale) {
  const input = make("input", { type: "radio", name: "upscale", value: scale, checked: scale === 1 });
  input.setAttribute("aria-label", texts.upscaleSpoken[scale]);
  return make("label", {}, input, make("span", {}, texts.upscaleNames[scale]));
}

function showModels(models) {
  const options = models.map(({ id, name, default: isDefault }) => {
    const label = name || id;
    return make("option", {
      value: id,
      selected: Boolean(isDefault),
      textContent: isDefault ? texts.modelDefault(label) : label,
    });
  });
  byId("model").replaceChildren(...options);
  byId("model-field").hidden = options.length < 2;
}
