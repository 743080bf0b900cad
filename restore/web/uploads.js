// Brings photos to the server: two at a time, in the order they were chosen.
//
// Where the server names a time to come again (429, 503), all wait until then and the photo that
// was told goes first. Where the server is away or wants a token, all wait for the connection; a
// photo whose uploads break off again and again is given up, or it would be sent for ever.

import * as api from "./api.js";
import { connection } from "./connection.js";
import { Stage } from "./photo.js";
import { session } from "./session.js";
import { texts } from "./texts.js";

const AT_ONCE = 2;
const LATER = new Set([429, 503]);
const BREAKS = 4; // a server that answers, but of this photo breaks off every upload
const MISSING_RETRY_S = 5; // a 503 should say when; one that doesn't gets this

export class Uploads extends EventTarget {
  #waiting = [];
  #active = new Set();
  #resume = 0; // the timer that ends a pause
  #pausedUntil = 0;

  constructor() {
    super();
    connection.addEventListener("open", () => this.#pump());
  }

  /** Photos of this page that are not on the server yet. */
  get unfinished() {
    return this.#waiting.length + this.#active.size > 0;
  }

  add(photo) {
    this.#waiting.push(photo);
    this.#pump();
  }

  /** Take a photo out, whether it waits or is on its way. */
  drop(photo) {
    this.#waiting = this.#waiting.filter((other) => other !== photo);
    photo.aborter?.abort();
  }

  /** End a pause before its time. */
  hurry() {
    this.#pausedUntil = 0;
    clearTimeout(this.#resume);
    this.#pump();
  }

  #pump() {
    if (!connection.open || Date.now() < this.#pausedUntil) return;
    while (this.#active.size < AT_ONCE && this.#waiting.length) {
      const photo = this.#waiting.shift();
      this.#active.add(photo);
      this.#send(photo).finally(() => {
        this.#active.delete(photo);
        this.#pump();
      });
    }
  }

  async #send(photo) {
    const aborter = new AbortController();
    photo.change({ stage: Stage.UPLOADING, sent: 0, sentence: "", aborter });
    try {
      const id = await api.create(photo.file, photo.settings, {
        key: photo.key,
        sent: (fraction) => photo.change({ sent: fraction }),
        signal: aborter.signal,
      });
      session.remember(id);
      photo.change({ stage: Stage.QUEUED, id, sent: 1, aborter: null });
      this.dispatchEvent(Object.assign(new Event("arrived"), { photo }));
    } catch (error) {
      photo.aborter = null;
      this.#failed(photo, error, aborter.signal);
    }
  }

  #failed(photo, error, signal) {
    if (signal.aborted) return;
    if (error instanceof api.Away) photo.broken += 1;
    if (photo.broken >= BREAKS) {
      photo.change({ stage: Stage.REFUSED, sentence: texts.brokeOff, again: true });
    } else if (connection.takes(error)) {
      this.#waiting.unshift(photo);
      photo.change({ stage: Stage.HELD, sent: 0 });
    } else if (error instanceof api.Refused && LATER.has(error.status)) {
      this.#pause(photo, error);
    } else {
      const sentence = error instanceof api.Unreadable ? texts.unreadable : error.message;
      const again = error.status === 408 || error.status >= 500;
      photo.change({ stage: Stage.REFUSED, sentence, again });
    }
  }

  #pause(photo, error) {
    const until = Date.now() + (error.retryAfter || MISSING_RETRY_S) * 1000;
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
    clearTimeout(this.#resume);
    this.#resume = setTimeout(() => this.hurry(), this.#pausedUntil - Date.now());
    this.#waiting.unshift(photo);
    photo.change({ stage: Stage.PAUSED, sent: 0, sentence: error.message, retryAt: until });
  }
}
