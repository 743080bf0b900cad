// A photo's card: its picture, where it stands, what was found and done, and what can be done next.
//
// The elements are made once and only their texts and `hidden` change, so that the focus and a
// screen reader keep their place. What a button does is asked of `actions`, which app.js gives.

import { button, make, say, setText, warn } from "./dom.js";
import { Stage } from "./photo.js";
import { Picture } from "./picture.js";
import { texts } from "./texts.js";

const BUTTONS = {
  // each action: its icon, and the stages in which it stands there
  save: ["save", [Stage.DONE]],
  hurry: ["again", [Stage.PAUSED]],
  retry: ["again", [Stage.FAILED, Stage.REFUSED, Stage.GONE]],
  again: ["again", [Stage.DONE]],
  cancel: ["shrink", [Stage.HELD, Stage.UPLOADING, Stage.PAUSED, Stage.QUEUED, Stage.RUNNING]],
  remove: ["shrink", [Stage.FAILED, Stage.REFUSED, Stage.GONE]],
  erase: ["delete", [Stage.DONE]],
};
const LABELS = {
  save: texts.save,
  hurry: texts.tryNow,
  retry: texts.retry,
  again: texts.restoreAgain,
  cancel: texts.cancel,
  remove: texts.remove,
  erase: texts.erase,
};
const NEEDS_FILE = new Set(["retry", "again"]);
const BUSY = new Set([Stage.UPLOADING, Stage.QUEUED, Stage.RUNNING]);
const TROUBLE = new Set([Stage.FAILED, Stage.REFUSED, Stage.GONE]);

export class Card {
  #photo;
  #actions;
  #stage = null; // that was last shown
  #saidHalf = false;
  #buttons = {};
  #ticking = 0;

  constructor(photo, actions) {
    this.#photo = photo;
    this.#actions = actions;
    this.picture = new Picture(photo);
    this.#build();
    photo.addEventListener("change", () => this.#show());
    this.#show();
  }

  /** Give the focus to the card as a whole. */
  focus() {
    this.heading.focus();
  }

  /** Let go of what it holds. */
  close() {
    clearInterval(this.#ticking);
    this.picture.close();
    this.element.remove();
  }

  /** A sentence about something that didn't work, until the next change of stage. */
  tell(sentence) {
    setText(this.sentence, sentence);
    this.sentence.hidden = !sentence;
    if (sentence) warn(texts.saidStage(this.#photo.name, sentence.replace(/\.$/, "")));
  }

  #build() {
    const { name } = this.#photo;
    this.heading = make("h3", { class: "name", tabIndex: -1, title: name }, name);
    this.meta = make("p", { class: "meta" });
    this.upload = make("progress", { class: "upload", max: 1, "aria-label": texts.uploadLabel(name) });
    this.work = make("progress", { class: "work", max: 1, "aria-label": texts.workLabel(name) });
    this.bars = make("div", { class: "bars" }, this.upload, this.work);
    this.state = make("p", { class: "state" });
    this.sentence = make("p", { class: "sentence", hidden: true });
    this.report = make("dl", { class: "report", hidden: true });
    this.expiry = make("p", { class: "meta", hidden: true });
    const body = make("div", { class: "body" }, this.heading, this.meta, this.bars, this.state);
    body.append(this.sentence, this.report, this.expiry, this.#buildActions(), this.#buildQuestion());
    this.element = make("li", { class: "card" }, this.picture.element, body);
  }

  #buildActions() {
    this.row = make("div", { class: "row" });
    for (const [action, [iconName]] of Object.entries(BUTTONS)) {
      const spoken = texts.of(LABELS[action], this.#photo.name);
      const act = () => (action === "erase" ? this.#ask(true) : this.#actions[action](this.#photo));
      const kind = action === "save" ? "button primary" : "quiet";
      this.#buttons[action] = button(iconName, LABELS[action], spoken, act, kind);
      this.row.append(this.#buttons[action]);
    }
    return this.row;
  }

  #buildQuestion() {
    const yes = button("delete", texts.eraseYes, texts.of(texts.eraseYes, this.#photo.name), () =>
      this.#actions.erase(this.#photo),
    );
    yes.classList.add("danger");
    this.no = button("shrink", texts.eraseNo, texts.of(texts.eraseNo, this.#photo.name), () =>
      this.#ask(false),
    );
    const text = make("p", {}, texts.eraseQuestion);
    this.question = make("div", { class: "question", role: "group", hidden: true }, text);
    this.question.setAttribute("aria-label", texts.eraseQuestion);
    this.question.append(make("div", { class: "row" }, yes, this.no));
    return this.question;
  }

  #ask(open) {
    this.question.hidden = !open;
    this.row.hidden = open;
    (open ? this.no : this.#buttons.erase).focus();
  }

  #show() {
    const photo = this.#photo;
    const moved = photo.stage !== this.#stage;
    this.#showProgress();
    setText(this.state, this.#stateText());
    setText(this.meta, this.#metaText());
    if (moved) {
      this.#stage = photo.stage;
      this.element.dataset.stage = photo.stage;
      this.#showSentence();
      this.#showReport();
      this.#showButtons();
      this.#announce();
    }
    if (photo.stage === Stage.RUNNING && photo.progress >= 0.5 && !this.#saidHalf) {
      this.#saidHalf = true;
      say(texts.saidHalf(photo.name));
    }
  }

  #showProgress() {
    const { stage, sent, progress } = this.#photo;
    this.bars.hidden = !BUSY.has(stage);
    this.upload.value = stage === Stage.UPLOADING ? sent : 1;
    this.work.value = stage === Stage.RUNNING ? progress : 0;
  }

  #stateText() {
    const { stage, sent, progress, place, untouched } = this.#photo;
    switch (stage) {
      case Stage.HELD:
        return texts.held;
      case Stage.UPLOADING:
        return sent < 1 ? texts.uploading(Math.floor(sent * 100)) : texts.arrived;
      case Stage.PAUSED:
        return texts.again(Math.max(1, Math.ceil((this.#photo.retryAt - Date.now()) / 1000)));
      case Stage.QUEUED:
        return place ? texts.queuedAt(place) : texts.queued;
      case Stage.RUNNING:
        return texts.running(Math.floor(progress * 100));
      default:
        return stage === Stage.DONE && untouched ? texts.unchanged : texts[stage];
    }
  }

  #metaText() {
    const { size, file, settings, details } = this.#photo;
    const shown = details?.result?.width ? details.result : size;
    const used = settings ?? details;
    return [
      shown && texts.pixels(shown.width, shown.height),
      file && texts.fileSize(file.size),
      used?.strength && texts.settingsUsed(used.strength, used.upscale),
    ]
      .filter(Boolean)
      .join(" · ");
  }

  #showSentence() {
    const { stage, sentence } = this.#photo;
    const shown = TROUBLE.has(stage) || stage === Stage.PAUSED ? sentence : "";
    setText(this.sentence, shown);
    this.sentence.hidden = !shown;
    clearInterval(this.#ticking);
    if (stage === Stage.PAUSED) {
      this.#ticking = setInterval(() => setText(this.state, this.#stateText()), 250);
    }
  }

  #showReport() {
    const { stage, details } = this.#photo;
    const rows = [
      [texts.found, details?.found],
      [texts.treated, details?.done],
    ].filter(([, said]) => said?.length);
    const list = (said) => [said].flat().map((line) => make("dd", {}, line));
    this.report.replaceChildren(
      ...rows.flatMap(([term, said]) => [make("dt", {}, term), ...list(said)]),
    );
    this.report.hidden = stage !== Stage.DONE || !rows.length;
    const expires = stage === Stage.DONE && details?.expires_at;
    const when = { dateStyle: "long", timeStyle: "short" };
    setText(this.expiry, expires ? texts.expires(new Date(expires).toLocaleString("en", when)) : "");
    this.expiry.hidden = !expires;
  }

  #showButtons() {
    const { stage, file, again } = this.#photo;
    const hadFocus = this.row.contains(document.activeElement);
    for (const [action, [, stages]] of Object.entries(BUTTONS)) {
      const lacksFile = NEEDS_FILE.has(action) && !(file && again);
      this.#buttons[action].hidden = lacksFile || !stages.includes(stage);
    }
    if (hadFocus && document.activeElement.hidden) {
      Object.values(this.#buttons).find((element) => !element.hidden)?.focus();
    }
  }

  #announce() {
    const { stage, name, sentence } = this.#photo;
    if (TROUBLE.has(stage) || stage === Stage.PAUSED) {
      warn(texts.saidStage(name, sentence.replace(/\.$/, "")));
    } else if (stage !== Stage.UPLOADING && stage !== Stage.HELD) {
      say(texts.saidStage(name, this.#stateText()));
    }
  }
}
