// Whether the server answers, and whether it wants a token: one state for all that talks to it.
//
// Who meets an Away or a Locked tells it here and stops; "open" is dispatched when it is worth
// going on. While away, one probe asks, at growing distances, and a countdown is shown.

import * as api from "./api.js";
import { byId, say, setText, warn } from "./dom.js";
import { session } from "./session.js";
import { texts } from "./texts.js";

const FIRST_S = 2;
const LONGEST_S = 20;

class Connection extends EventTarget {
  #state = "open"; // or "away", "locked"
  #tries = 0;
  #retryAt = 0;
  #ticking = 0;

  get open() {
    return this.#state === "open";
  }

  /** Wire the banner and the token's dialog. */
  start() {
    byId("connection-now").addEventListener("click", () => this.#probe());
    addEventListener("online", () => this.#state === "away" && this.#probe());
    const dialog = byId("token");
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    dialog.querySelector("form").addEventListener("submit", () => this.#unlock());
  }

  /** Take an error that concerns all; whether it was one. */
  takes(error) {
    if (error instanceof api.Away) this.#lost();
    else if (error instanceof api.Locked) this.#locked(error.message);
    else return false;
    return true;
  }

  #lost() {
    if (this.#state !== "open") return;
    this.#state = "away";
    this.#tries = 0;
    warn(texts.awaySaid);
    this.#wait();
    this.dispatchEvent(new Event("closed"));
  }

  #wait() {
    const seconds = Math.min(FIRST_S * 2 ** this.#tries++, LONGEST_S);
    this.#retryAt = Date.now() + seconds * 1000;
    clearInterval(this.#ticking);
    this.#ticking = setInterval(() => this.#tick(), 250);
    this.#tick();
  }

  #tick() {
    const seconds = Math.ceil((this.#retryAt - Date.now()) / 1000);
    setText(byId("connection-text"), texts.away(Math.max(1, seconds)));
    byId("connection").hidden = false;
    if (seconds <= 0) this.#probe();
  }

  async #probe() {
    clearInterval(this.#ticking);
    try {
      await api.alive();
    } catch (error) {
      if (error instanceof api.Away) return this.#wait();
    }
    if (this.#state !== "away") return;
    byId("connection").hidden = true;
    say(texts.backSaid);
    this.#reopen();
  }

  #locked(sentence) {
    if (this.#state === "locked") return;
    this.#state = "locked";
    setText(byId("token-text"), sentence);
    byId("token-value").value = "";
    byId("token").showModal();
    this.dispatchEvent(new Event("closed"));
  }

  #unlock() {
    session.token = byId("token-value").value.trim();
    this.#reopen();
  }

  #reopen() {
    this.#state = "open";
    this.dispatchEvent(new Event("open"));
  }
}

export const connection = new Connection();
