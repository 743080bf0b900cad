// Saves results under the photo's own name. A link's `download` alone won't do: the server names its
// files after the job, and browsers differ in whom they believe.

import * as api from "./api.js";
import { make } from "./dom.js";

const RELEASE_MS = 60_000; // by then the browser has begun to write the file

/** Save a photo's result. Rejects as api.blob does. */
export async function save(photo) {
  const url = URL.createObjectURL(await api.blob(photo.output));
  const link = make("a", { href: url, download: photo.resultName });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), RELEASE_MS);
}
