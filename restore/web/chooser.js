// Where photos come from: the file picker, the camera, a drop anywhere, a paste, the example.

import { byId } from "./dom.js";
import { texts } from "./texts.js";

const EXAMPLE = "web/example.jpg";
const PICTURE_NAME = /\.(jpe?g|jfif|png|webp|heic|heif)$/i; // in a folder, what is meant

/** Call `take(files)` with every lot of files that the user brings. */
export function listen(take) {
  for (const id of ["files", "camera"]) {
    byId(id).addEventListener("change", ({ target }) => {
      take([...target.files]);
      target.value = ""; // so that the same photo may be chosen again
    });
  }
  byId("example").addEventListener("click", () => example(take));
  listenForPaste(take);
  listenForDrop(take);
}

async function example(take) {
  const response = await fetch(EXAMPLE).catch(() => null);
  if (!response?.ok) return;
  const picture = await response.blob();
  take([new File([picture], texts.exampleName, { type: picture.type })]);
}

function listenForPaste(take) {
  document.addEventListener("paste", (event) => {
    if (event.target instanceof HTMLInputElement && event.target.type === "password") return;
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    take(files.map(named));
  });
}

/** A picture from the clipboard is always called image.png: better a name that says whence. */
function named(file) {
  if (file.name && !/^image\.\w+$/.test(file.name)) return file;
  const kind = file.type.split("/").pop().replace("jpeg", "jpg") || "png";
  return new File([file], `${texts.pastedName}.${kind}`, { type: file.type });
}

function listenForDrop(take) {
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  const mark = (on) => byId("drop").classList.toggle("over", on);
  let depth = 0; // dragenter and dragleave come for each element on the way
  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    mark(true);
  });
  document.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    mark(depth > 0);
  });
  document.addEventListener("dragover", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
  });
  document.addEventListener("drop", async (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    mark(false);
    take(await dropped(event.dataTransfer));
  });
}

/** The files of a drop; of a folder, the pictures in it. */
async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.());
  if (!entries.some((entry) => entry?.isDirectory)) return [...transfer.files];
  const lots = await Promise.all(entries.filter(Boolean).map((entry) => filesIn(entry, false)));
  return lots.flat();
}

async function filesIn(entry, inFolder) {
  if (entry.isFile) {
    if (inFolder && !PICTURE_NAME.test(entry.name)) return [];
    return new Promise((resolve) => entry.file((file) => resolve([file]), () => resolve([])));
  }
  const reader = entry.createReader();
  const files = [];
  for (;;) {
    const some = await new Promise((resolve) => reader.readEntries(resolve, () => resolve([])));
    if (!some.length) return files;
    for (const inside of some) files.push(...(await filesIn(inside, true)));
  }
}
