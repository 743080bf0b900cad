// One photo and where it stands; the page's only model. It changes by `change`, and says so.

export const Stage = Object.freeze({
  HELD: "held", // in this page, before its upload
  UPLOADING: "uploading",
  PAUSED: "paused", // the server named a time to come again
  QUEUED: "queued", // on the server from here on
  RUNNING: "running",
  DONE: "done",
  FAILED: "failed", // by the server, in mid-job
  REFUSED: "refused", // before it became a job
  GONE: "gone", // the server knows it no more
});

const ENDED = new Set([Stage.DONE, Stage.FAILED, Stage.REFUSED, Stage.GONE]);
const ON_SERVER = new Set([Stage.QUEUED, Stage.RUNNING]);

/** A key for one upload: 128 random bits. (randomUUID is missing on plain http.) */
function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export class Photo extends EventTarget {
  name = "";
  file = null; // null after a reload: the browser keeps no file for us
  settings = null; // { strength, upscale, model }, null after a reload
  stage = Stage.HELD;
  id = ""; // the job's, once there is one
  key = newKey();
  broken = 0; // uploads of it that broke off
  sent = 0; // of the upload, 0..1
  progress = 0; // of the work, 0..1
  place = 0; // in the server's queue, 0 where unknown
  sentence = ""; // why it was refused, failed or has to wait
  again = true; // whether the same upload may go better another time
  retryAt = 0; // milliseconds since the epoch, while paused
  output = ""; // the result's path on this server
  size = null; // { width, height } of the upload, where known
  details = null;
  aborter = null; // of the upload under way

  /** A photo that was just chosen. */
  static chosen(file, name, settings) {
    return Object.assign(new Photo(), { file, name, settings });
  }

  /** A job of this tab from before a reload. */
  static remembered(id, name) {
    return Object.assign(new Photo(), { id, name, stage: Stage.QUEUED });
  }

  get ended() {
    return ENDED.has(this.stage);
  }

  get onServer() {
    return ON_SERVER.has(this.stage);
  }

  /** Set some of the fields above and tell who listens. */
  change(fields) {
    Object.assign(this, fields);
    this.dispatchEvent(new Event("change"));
  }

  /** Back to the start, for a new upload. */
  restart() {
    const fresh = { id: "", key: newKey(), broken: 0, sent: 0, progress: 0, place: 0, sentence: "" };
    this.change({ ...fresh, stage: Stage.HELD, output: "", details: null });
  }

  /** The name that a download gets: the photo's own and `-restored`, as the result's kind. */
  get resultName() {
    const stem = (this.file && this.name.replace(/\.[^.\s/\\]{1,5}$/, "")) || "photo";
    return `${stem}-restored.${this.output.split(".").pop()}`;
  }

  /** Whether the server says that nothing was done to it; one that says nothing gets no guess. */
  get untouched() {
    return this.details?.done?.length === 0 && this.details.upscale === 1;
  }

  /** How many pixels the result has, 0 where nobody has said yet. */
  get resultPixels() {
    const { width, height } = this.details?.result ?? {};
    if (width && height) return width * height;
    const scale = this.settings?.upscale ?? this.details?.upscale;
    return this.size && scale ? this.size.width * this.size.height * scale ** 2 : 0;
  }
}
