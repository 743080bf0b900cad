// The page: brings its parts together and holds the list of photos.

import { Card } from "./card.js";
import * as chooser from "./chooser.js";
import { connection } from "./connection.js";
import { byId, say, setText } from "./dom.js";
import { Jobs } from "./jobs.js";
import { Photo, Stage } from "./photo.js";
import { save } from "./save.js";
import { session } from "./session.js";
import * as settings from "./settings.js";
import { texts } from "./texts.js";
import { Uploads } from "./uploads.js";

const SHOWN_TRIES = 3;
const SAVE_PAUSE_MS = 400; // between two downloads: browsers drop those that come too fast

const cards = new Map(); // Photo -> Card, in the order of the page
const uploads = new Uploads();
const jobs = new Jobs();

const actions = {
  save: (photo) => attempt(photo, () => save(photo), texts.notSaved),
  hurry: () => uploads.hurry(),
  retry: (photo) => {
    if (photo.id) jobs.forget(photo);
    photo.restart();
    uploads.add(photo);
  },
  again: (photo) => take([photo.file]),
  cancel: (photo) => erase(photo, texts.saidRemoved),
  remove: (photo) => erase(photo, texts.saidRemoved),
  erase: (photo) => erase(photo, texts.saidDeleted),
};

/** Do something for a photo; where it fails, the card says so. */
async function attempt(photo, work, failure) {
  const card = cards.get(photo);
  try {
    card.tell("");
    await work();
  } catch (error) {
    if (!connection.takes(error)) card.tell(error.message || failure);
    else card.tell(failure);
  }
}

function erase(photo, said) {
  return attempt(
    photo,
    async () => {
      uploads.drop(photo);
      await jobs.erase(photo);
      say(said(photo.name));
      discard(photo);
    },
    texts.notDeleted,
  );
}

function discard(photo) {
  const order = [...cards.keys()];
  const next = order[order.indexOf(photo) + 1] ?? order[order.indexOf(photo) - 1];
  const hadFocus = cards.get(photo).element.contains(document.activeElement);
  cards.get(photo).close();
  cards.delete(photo);
  showList();
  if (hadFocus) (next ? cards.get(next) : byId("files")).focus();
}

function show(photo) {
  const card = new Card(photo, actions);
  cards.set(photo, card);
  byId("cards").append(card.element);
  photo.addEventListener("change", showList);
  let { stage } = photo;
  photo.addEventListener("change", () => {
    if (photo.stage === Stage.DONE && stage !== Stage.DONE) showResult(photo, SHOWN_TRIES);
    stage = photo.stage;
  });
}

/** Show a result; where the server is away meanwhile, once more when it is back. */
async function showResult(photo, tries) {
  const card = cards.get(photo);
  try {
    await card?.picture.result();
    card?.tell("");
  } catch (error) {
    if (!cards.has(photo)) return;
    card.tell(texts.notShown);
    const again = () => showResult(photo, tries - 1);
    if (connection.takes(error) && tries > 1) {
      connection.addEventListener("open", again, { once: true });
    }
  }
}

/** Take files that the user brought: show them all, then send each that can be taken. */
async function take(files) {
  if (!files.length) return;
  say(texts.saidAdded(files.length));
  const asked = settings.current();
  const photos = files.map((file) => Photo.chosen(file, file.name, asked));
  photos.forEach(show);
  showList();
  for (const photo of photos) await examine(photo);
}

async function examine(photo) {
  const { max_image_bytes: most, max_side_px: side } = settings.limits;
  const refuse = (sentence) => photo.change({ stage: Stage.REFUSED, sentence, again: false });
  if (photo.file.size > most) {
    refuse(texts.tooManyBytes(settings.megabytesOver(photo.file.size), settings.megabytes(most)));
    return;
  }
  const size = await cards.get(photo)?.picture.preview();
  if (!cards.has(photo)) return; // removed meanwhile
  photo.change({ size });
  if (size && Math.max(size.width, size.height) > side) {
    refuse(texts.tooManyPixels(size.width, size.height, side));
  } else {
    uploads.add(photo);
  }
}

function showList() {
  const photos = [...cards.keys()];
  const done = photos.filter((photo) => photo.stage === Stage.DONE);
  const busy = photos.filter((photo) => !photo.ended);
  byId("photos").hidden = !photos.length;
  byId("main").classList.toggle("working", photos.length > 0);
  byId("photos").classList.toggle("few", photos.length < 3);
  byId("cards").dataset.count = photos.length;
  setText(byId("save-all"), texts.saveAll(done.length));
  byId("save-all").hidden = done.length < 2;
  setText(byId("cancel-all"), texts.cancelAll);
  byId("cancel-all").hidden = busy.length < 2;
}

async function saveAll() {
  const done = [...cards.keys()].filter((photo) => photo.stage === Stage.DONE);
  for (const photo of done) {
    await actions.save(photo);
    await new Promise((resolve) => setTimeout(resolve, SAVE_PAUSE_MS));
  }
}

function cancelAll() {
  byId("photos-heading").focus();
  [...cards.keys()].filter((photo) => !photo.ended).forEach(actions.cancel);
}

function resume() {
  session.ids.forEach((id, index) => {
    const photo = Photo.remembered(id, texts.earlierPhoto(index + 1));
    show(photo);
    jobs.follow(photo);
  });
  showList();
}

function start() {
  for (const element of document.querySelectorAll("[data-text]")) {
    element.textContent = texts[element.dataset.text];
  }
  settings.start();
  connection.start();
  chooser.listen(take);
  byId("save-all").addEventListener("click", saveAll);
  byId("cancel-all").addEventListener("click", cancelAll);
  byId("chooser").hidden = false;
  uploads.addEventListener("arrived", ({ photo }) => jobs.follow(photo));
  addEventListener("beforeunload", (event) => uploads.unfinished && event.preventDefault());
  learn();
  resume();
}

/** Ask what the server offers, again where it was away. */
async function learn() {
  try {
    await settings.learn();
  } catch (error) {
    if (connection.takes(error)) connection.addEventListener("open", learn, { once: true });
  }
}

start();
