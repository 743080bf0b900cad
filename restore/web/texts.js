// Every text that the page shows, in English. A translation replaces this object and nothing else.
// What the server refuses or fails is told in the server's own sentence and stands not here.

const plural = (count, one, many) => (count === 1 ? one : many);

export const texts = {
  heading: "Bring an old photo back",
  lead: "What ails it is found and gently treated. What is well stays as it is.",

  choose: "Choose photos",
  camera: "Take a photo",
  dropHint: "or drop them anywhere here, or paste one",
  limits: (megabytes, side) =>
    `JPEG, PNG, WebP or HEIC, each up to ${megabytes} MB and ${side} × ${side} pixels`,
  example: "No photo at hand? Try this one",
  exampleName: "example.jpg",
  pastedName: "pasted",

  settings: "For the next photos",
  strength: "Strength",
  strengthLow: "gentle",
  strengthHigh: "strong",
  strengthHelp: "How firmly flaws are treated.",
  upscale: "Size",
  upscaleNames: { 1: "Same", 2: "2 ×", 4: "4 ×" },
  upscaleSpoken: { 1: "Same size", 2: "2 × as wide and high", 4: "4 × as wide and high" },
  model: "Model",
  modelDefault: (name) => `${name} (default)`,

  photos: "Your photos",
  saveAll: (count) => `Download all ${count}`,
  cancelAll: "Cancel all",
  earlierPhoto: (number) => `Earlier photo ${number}`,
  settingsUsed: (strength, upscale) =>
    `strength ${strength}${upscale > 1 ? `, ${upscale} × larger` : ""}`,
  pixels: (width, height) => `${width} × ${height} pixels`,

  fileSize: (bytes) =>
    bytes < 1048576
      ? `${Math.ceil(bytes / 1024)} kB`
      : `${(bytes / 1048576).toFixed(1).replace(".0", "")} MB`,

  held: "Waits for its turn",
  uploading: (percent) => `Uploading, ${percent} %`,
  arrived: "Uploaded, being looked at",
  queued: "Waits in the server's queue",
  queuedAt: (place) =>
    place <= 1 ? "Next in the server's queue" : `Number ${place} in the server's queue`,
  running: (percent) => `Restoring, ${percent} %`,
  done: "Restored",
  unchanged: "Nothing needed treatment",
  failed: "Not restored",
  refused: "Not accepted",
  gone: "No longer on the server",
  again: (seconds) =>
    `Goes again by itself in ${seconds} ${plural(seconds, "second", "seconds")}.`,
  uploadLabel: (name) => `Upload of ${name}`,
  workLabel: (name) => `Restoration of ${name}`,
  found: "Found",
  treated: "Done",
  expires: (when) => `Stays on the server until ${when}.`,

  cancel: "Cancel",
  retry: "Try again",
  tryNow: "Try now",
  restoreAgain: "Restore again",
  save: "Download",
  remove: "Remove",
  erase: "Delete",
  eraseQuestion: "Delete this photo and its result from the server?",
  eraseYes: "Yes, delete",
  eraseNo: "Keep",
  of: (action, name) => `${action}: ${name}`,

  before: "Before",
  after: "After",
  beforeAlt: (name) => `${name}, before`,
  afterAlt: (name) => `${name}, restored`,
  sliderLabel: (name) => `Before and after of ${name}`,
  sliderValue: (percent) =>
    percent === 0
      ? "only after"
      : percent === 100
        ? "only before"
        : `${percent} % before, ${100 - percent} % after`,
  zoomTo: (percent) => `${percent} %`,
  zoomSpoken: (percent) => `Zoom to ${percent} %`,
  fit: "Fit",
  fitSpoken: "Fit the whole picture in",
  panLabel: "Enlarged picture: move it by dragging, by a click or with the arrow keys",
  enlarge: "Enlarge",
  shrink: "Close",
  viewerLabel: (name) => `${name}, large`,
  noBefore: "The picture from before can't be shown here, so this is the result alone.",
  tooLargeToShow: (megapixels) =>
    `The result has ${megapixels} megapixels, too many to show here. It can be downloaded.`,
  noPreview: "Your browser can't show this kind of file. The result will be shown.",

  tooManyBytes: (megabytes, limit) =>
    `This file has ${megabytes} MB; at most ${limit} MB can be restored.`,
  tooManyPixels: (width, height, side) =>
    `This photo has ${width} × ${height} pixels; at most ${side} × ${side} can be restored.`,
  unreadable: "This file can't be read any more. Please choose it again.",
  proxyTooLarge:
    "A server on the way accepts no file of this size. Whoever runs this service can raise its limit.",
  brokeOff: "The upload of this file broke off several times. It may be too large for the way.",
  oddAnswer: (status) => `The server gave an answer that this page doesn't understand (${status}).`,
  notShown: "The result can't be shown just now. It can be downloaded.",
  notSaved: "The download failed. Please try again.",
  notDeleted: "It couldn't be deleted just now. Please try again.",

  away: (seconds) =>
    `The server can't be reached. The next try is in ${seconds} ${plural(seconds, "second", "seconds")}.`,
  awaySaid: "The server can't be reached. It is tried again by itself.",
  backSaid: "The server is back.",

  tokenHeading: "This service asks for a token",
  tokenLabel: "Token",
  tokenHelp: "It is kept until this tab is closed, and sent to this server only.",
  tokenSend: "Continue",

  saidAdded: (count) => `${count} ${plural(count, "photo", "photos")} added.`,
  saidHalf: (name) => `${name}: half restored.`,
  saidStage: (name, state) => `${name}: ${state}.`,
  saidDeleted: (name) => `${name}: deleted.`,
  saidRemoved: (name) => `${name}: removed.`,
};
