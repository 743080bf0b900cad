// What outlives a reload of the tab: the ids of its jobs and, where the server asks for one, the
// token. Nothing else is kept, nothing beyond the tab: a job's id is the key to its photo.

const IDS = "restore.jobs";
const TOKEN = "restore.token";
const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

function read(name) {
  try {
    return sessionStorage.getItem(name) ?? "";
  } catch {
    return ""; // storage is switched off: the page works, a reload forgets
  }
}

function write(name, text) {
  try {
    if (text) sessionStorage.setItem(name, text);
    else sessionStorage.removeItem(name);
  } catch {
    // As above; nothing depends on it.
  }
}

export const session = {
  get ids() {
    return read(IDS).split(" ").filter((id) => ID.test(id));
  },
  remember(id) {
    write(IDS, [...new Set([...this.ids, id])].join(" "));
  },
  forget(id) {
    write(IDS, this.ids.filter((other) => other !== id).join(" "));
  },
  get token() {
    return read(TOKEN);
  },
  set token(text) {
    write(TOKEN, text);
  },
};
