// Follows the jobs on the server until each has ended, and removes those that are given up.
//
// One round asks for all of them, three at a time, so that uploads and pictures find a connection
// free.

import * as api from "./api.js";
import { connection } from "./connection.js";
import { Stage } from "./photo.js";
import { session } from "./session.js";

const ROUND_MS = 1500; // the contract's interval
const AT_ONCE = 3;
const LATER = new Set([408, 429, 500, 503]);

export class Jobs {
  #followed = new Set();
  #running = false;
  #wake = () => {};

  constructor() {
    connection.addEventListener("open", () => this.#start());
    document.addEventListener("visibilitychange", () => document.hidden || this.#wake());
  }

  /** Follow a photo's job until its end. */
  follow(photo) {
    this.#followed.add(photo);
    this.#start();
    this.#wake();
  }

  /** Stop a job and delete all that the server has of it. Rejects with what api.remove does. */
  async erase(photo) {
    const followed = this.#followed.delete(photo); // else a poll finds it gone and says so
    try {
      if (photo.id) await api.remove(photo.id);
    } catch (error) {
      if (followed) this.follow(photo);
      throw error;
    }
    this.forget(photo);
  }

  /** Ask no more about a photo. */
  forget(photo) {
    this.#followed.delete(photo);
    if (photo.id) session.forget(photo.id);
  }

  async #start() {
    if (this.#running) return;
    this.#running = true;
    while (this.#followed.size && connection.open) {
      const began = Date.now();
      await this.#round();
      await this.#pause(ROUND_MS - (Date.now() - began));
    }
    this.#running = false;
  }

  #pause(ms) {
    return new Promise((resolve) => {
      this.#wake = resolve;
      setTimeout(resolve, Math.max(0, ms));
    });
  }

  async #round() {
    const due = [...this.#followed];
    const work = async () => {
      for (let photo = due.shift(); photo && connection.open; photo = due.shift()) {
        await this.#ask(photo);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  }

  async #ask(photo) {
    try {
      const job = await api.job(photo.id);
      const details = await this.#details(photo, job.status);
      if (this.#followed.has(photo)) this.#told(photo, job, details); // else given up meanwhile
    } catch (error) {
      if (!this.#followed.has(photo) || connection.takes(error)) return;
      if (LATER.has(error.status)) return; // the next round asks again
      const stage = error.status === 404 ? Stage.GONE : Stage.FAILED;
      if (stage === Stage.GONE) session.forget(photo.id);
      this.#end(photo, { stage, sentence: error.message });
    }
  }

  /** The details where they may have changed: the place in the queue, and what was done. */
  #details(photo, status) {
    const same = status === "running" && photo.details;
    return same ? photo.details : api.details(photo.id);
  }

  #told(photo, job, details) {
    const { status, progress } = job;
    if (status === "queued") {
      photo.change({ stage: Stage.QUEUED, details, place: details?.queue_position ?? 0 });
    } else if (status === "running") {
      photo.change({ stage: Stage.RUNNING, details, progress, place: 0 });
    } else if (status === "failed") {
      this.#end(photo, { stage: Stage.FAILED, details, sentence: job.error });
    } else {
      const output = api.outputPath(job.result_url);
      this.#end(photo, { stage: Stage.DONE, details, output, progress: 1 });
    }
  }

  #end(photo, fields) {
    this.#followed.delete(photo);
    photo.change({ ...fields, place: 0 });
  }
}
