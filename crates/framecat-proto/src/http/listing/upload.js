// Uploads: a queue, a few files at a time. A large file goes in pieces to an upload that has an address of its own, so
// it is gone on with where it was cut: after a pause, by itself when the server is back, and after a reload once the
// same file is chosen again.
const AT_ONCE = 3;
const SMALL = 1 << 20;
const PIECE = 8 << 20;
let queue = [];
const kept = "framecat";
const going = item => item.state === "send" || item.state === "retry";
const open = item => going(item) || item.state === "wait" || item.state === "pause" || item.state === "taken";
// Two files may be on their way to one name: the server numbers them, or the reader is asked.
const keyOf = ({ path, source, size, mtime }) => [kept, path, size, mtime, source].join(" ");
const stored = (item, value) => {
  try {
    if (value) localStorage.setItem(keyOf(item), JSON.stringify(value));
    else localStorage.removeItem(keyOf(item));
  } catch {
    // A browser that keeps nothing: then a reload begins anew.
  }
};
const remember = item => {
  const { path, source, size, mtime, id, sent } = item;
  stored(item, { path, source, size, mtime, id, sent });
};

// What can be gone on with, and what asks for somebody.
class Cut extends Error {}
class Taken extends Error {}

const request = (item, method, address, body, fields = {}) =>
  new Promise((done, fail) => {
    if (item.state !== "send") return fail(new Cut());
    const xhr = (item.xhr = new XMLHttpRequest());
    const from = item.sent;
    xhr.open(method, address);
    for (const [name, value] of Object.entries(fields)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = event => {
      item.sent = from + event.loaded;
      item.moved = performance.now();
    };
    // All is sent, and the server may have to wait for its disk.
    xhr.upload.onload = () => (item.moved = performance.now() + 100_000);
    xhr.onload = () => done(xhr);
    xhr.onerror = xhr.onabort = () => fail(new Cut());
    item.moved = performance.now();
    xhr.send(body ?? null);
  });
const offset = reply => parseInt(reply.getResponseHeader("Upload-Offset"));
const head = path =>
  fetch(path, { method: "HEAD" }).catch(() => {
    throw new Cut();
  });
const free = async item => {
  const there = await head(item.path);
  if (!there.ok) return;
  item.folder = there.redirected;
  throw new Taken();
};
// The end of it, good or bad. What is neither is somebody else's word, as of a network that wants one to log in.
const judge = async (item, { status }, good = [201, 204]) => {
  if (good.includes(status)) return;
  if (status < 400 || [408, 429, 500, 502, 503, 504].includes(status)) throw new Cut();
  if (status === 412 || status === 409) await free(item);
  throw new Error(wrongs(status));
};
// A folder that is there is as good as made; one that is missing above it is made first.
const makeFolder = async (item, path) => {
  const above = path.replace(/[^/]+\/$/, "");
  for (let again = false; ; again = true) {
    const reply = await request(item, "POST", path + "?mkdir");
    if (reply.status !== 409) return judge(item, reply);
    if ((await head(path)).ok) return;
    if (again || above === "/") throw new Error(wrongs(409));
    await makeFolder(item, above);
  }
};
const send = async item => {
  const { file, path, size } = item;
  // An inbox tells nobody what is in it.
  const asks = may("read") && !item.replace;
  const unless = asks ? { "If-None-Match": "*" } : {};
  if (item.folders) return makeFolder(item, path);
  if (!file) throw new Error(say.up.unreadable);
  if (size <= SMALL) {
    item.sent = 0;
    return judge(item, await request(item, "PUT", path, file, unless));
  }
  if (item.id) {
    const reply = await request(item, "HEAD", `${path}?upload=${item.id}`);
    const at = offset(reply);
    if (reply.status === 404) {
      // Its last answer may have been cut: then the file is there.
      const there = item.sent === size && (await head(path));
      if (there.ok && +there.headers.get("Content-Length") === size) return;
      item.id = null;
    } else if (!(at >= 0)) return judge(item, reply, []);
    else {
      item.sent = at;
      // Somebody else may have had the name meanwhile.
      if (asks) await free(item);
    }
  }
  if (!item.id) {
    item.sent = 0;
    const reply = await request(item, "POST", path + "?upload", null, { "Upload-Length": size, ...unless });
    item.id = /upload=(\w+)/.exec(reply.getResponseHeader("Location"))?.[1];
    if (!item.id) return judge(item, reply, []);
    remember(item);
  }
  for (let same = 0; ; ) {
    const from = item.sent;
    // Some ten seconds' worth: a piece costs a round trip, and what stands in between may hold it back whole.
    const to = Math.min(size, from + Math.min(Math.max(PIECE, Math.floor(item.rate * 10)), 1 << 30));
    const range = from < size ? `bytes ${from}-${to - 1}/${size}` : `bytes */${size}`;
    const reply = await request(item, "PUT", `${path}?upload=${item.id}`, file.slice(from, to), { "Content-Range": range, ...unless });
    const at = offset(reply);
    if ((reply.status !== 202 && reply.status !== 409) || !(at >= 0)) {
      // The request that was cut is still being read.
      if (reply.status === 409 && from < size) throw new Cut();
      return judge(item, reply, to < size ? [] : undefined);
    }
    item.sent = at;
    item.tries = 0;
    remember(item);
    if (at === from && ++same > 3) throw new Cut();
  }
};
const settle = (item, state, why) => {
  item.state = state;
  item.why = why ?? "";
  item.xhr = null;
  item.rate = 0;
  if (state === "done" || state === "failed") stored(item);
  if (!item.id) item.sent = 0;
  if (state === "done") {
    item.sent = item.size;
    item.id = null;
    announce(say.up.saved(item.name));
    if (item.path.startsWith(location.pathname)) changed = true;
  } else if (state === "taken" || state === "failed") announce(`${item.name}: ${item.why}`);
};
const run = async item => {
  item.state = "send";
  try {
    await send(item);
    settle(item, "done");
  } catch (error) {
    // It is paused or given up.
    if (item.state !== "send") return;
    if (error instanceof Taken) return answered(item);
    if (!(error instanceof Cut)) return settle(item, "failed", error.message);
    // Where the file itself cannot be read, no waiting helps.
    const legible = await item.file?.slice(item.sent, item.sent + 1).arrayBuffer().catch(() => null);
    if (item.state !== "send") return;
    if (item.file && !legible) return settle(item, "failed", say.up.unreadable);
    settle(item, "retry");
    item.again = performance.now() + Math.min(30, 2 ** item.tries++ / 2) * 1000;
  } finally {
    pump();
  }
};
// What is done with every name that is taken from now on, if the reader said so. None of these goes on with the queue
// itself, so that many are done at once: pump does.
let always = null;
const answered = item => {
  const usable = always === "replace" && (item.folder || !may("replace")) ? null : always;
  if (usable) return decide(item, usable);
  settle(item, "taken", item.folder ? say.up.folderThere : say.up.taken);
};
const decide = (item, what) => {
  if (what === "skip") return drop(item);
  if (what === "replace") item.replace = true;
  else {
    // As the server numbers: before the ending, and .tar.gz is one.
    item.number = (item.number ?? 0) + 1;
    item.first ??= item.path;
    const [, folder, stem, end] = /^(.*\/)(.[^/]*?)((?:\.tar)?\.[^./]{1,31})?$/.exec(item.first);
    discard(item);
    moveTo(item, `${folder}${stem}%20(${item.number})${end ?? ""}`);
  }
  item.state = "wait";
};
const moveTo = (item, path) => {
  stored(item);
  item.path = path;
  item.name = decoded(path.slice(1));
  remember(item);
};
const discard = item => {
  if (item.id) fetch(`${item.path}?upload=${item.id}`, { method: "DELETE" }).catch(() => {});
  item.id = null;
  item.sent = 0;
};
const drop = item => {
  item.state = "gone";
  item.xhr?.abort();
  stored(item);
  discard(item);
};
const pause = item => {
  if (!open(item) || item.state === "taken") return;
  item.state = "pause";
  item.rate = 0;
  item.xhr?.abort();
};
const resume = item => {
  item.tries = 0;
  item.state = "wait";
};
const pump = () => {
  queue = queue.filter(item => item.state !== "gone");
  const waiting = queue.filter(item => item.state === "wait");
  waiting.slice(0, Math.max(0, AT_ONCE - queue.filter(going).length)).forEach(run);
  draw();
};
addEventListener("online", () => {
  for (const item of queue) if (item.state === "retry") item.again = 0;
});

// What comes in. `folder` is the place it goes to, as an address's path; `name` may hold folders.
const add = (folder, files) => {
  const there = {};
  const of = path => (there[path] ??= []);
  for (const item of queue) of(item.path).push(item);
  for (const { file, name, folders } of files) {
    // Where no folders may be made all goes into the one that is there.
    const path = folder + encode(may("make") ? name : name.split("/").at(-1));
    const { size = 0, lastModified: mtime = 0 } = file ?? {};
    // Another file of the same name is another upload; the same one is not sent twice at once.
    const known = of(path);
    const same = known.filter(item => item.size === size && item.mtime === mtime);
    if (same.some(item => open(item) && item.source === name)) continue;
    // An inbox has many of one path, and no file goes on with another's.
    const lost = same.find(item => item.state === "lost" && (may("make") || item.source === name));
    if (lost) stored(lost);
    // What was begun is not given up for a file that cannot be read.
    const gone = item => item !== lost && item.source === name && !open(item) && (file || item.state !== "lost");
    known.filter(gone).forEach(drop);
    const item = lost ?? { path, name: decoded(path.slice(1)), size, mtime, id: null, sent: 0 };
    Object.assign(item, { file, folders, source: name, state: "wait", tries: 0, rate: 0, why: "" });
    if (!lost) {
      queue.push(item);
      known.push(item);
    }
    if (file) remember(item);
  }
  pump();
};
// Folders that are dropped or chosen are walked; one in which nothing is is made. What cannot be read has no file.
const walk = async (entry, above, into) => {
  // Chromium has no name for what is not UTF-8, and takes what stands above for it: round and round.
  const name = above + (entry?.name || "?");
  if (!entry?.name) return into.push({ name });
  try {
    if (entry.isFile) return into.push({ name, file: await new Promise((done, fail) => entry.file(done, fail)) });
    const reader = entry.createReader();
    for (let any = false; ; any = true) {
      const some = await new Promise((done, fail) => reader.readEntries(done, fail));
      if (!some.length) return any || (may("make") && into.push({ name: name + "/", folders: true }));
      for (const one of some) await walk(one, name + "/", into);
    }
  } catch {
    into.push({ name });
  }
};
const target = event => {
  const row = event.target.closest?.("#list tbody:not(#up) tr");
  const link = row && find("a.d", row);
  return { row: link && row, folder: link ? new URL(hrefOf(link), location.href).pathname : base() };
};
const base = () => location.pathname.replace(/\/*$/, "/");
const veil = make("div", { id: "veil", hidden: true });
const over = event => {
  if (!event.dataTransfer?.types.includes("Files") || find("dialog[open]")) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "copy";
  const { row, folder } = may("read") ? target(event) : { folder: base() };
  find(".target")?.classList.remove("target");
  row?.classList.add("target");
  veil.textContent = say.up.into(decoded(folder.split("/").at(-2)) || document.title);
  veil.hidden = false;
};
const out = () => {
  veil.hidden = true;
  find(".target")?.classList.remove("target");
};
addEventListener("dragenter", over);
addEventListener("dragover", over);
addEventListener("dragleave", event => event.relatedTarget || out());
addEventListener("drop", async event => {
  out();
  if (!event.dataTransfer?.types.includes("Files") || find("dialog[open]")) return;
  event.preventDefault();
  const { folder } = may("read") ? target(event) : { folder: base() };
  // All of it is asked for before anything is waited for: then it is gone.
  const items = [...event.dataTransfer.items].filter(item => item.kind === "file");
  const dropped = items.map(item => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const files = [];
  for (const one of dropped) {
    if (one instanceof File) files.push({ file: one, name: one.name });
    else await walk(one, "", files);
  }
  add(folder, files);
});

const picker = (fields, then) =>
  make("input", { type: "file", hidden: true, ...fields, onchange() {
    then([...this.files].map(file => ({ file, name: file.webkitRelativePath || file.name })));
    this.value = "";
  } });
const some = picker({ multiple: true, id: "files" }, files => add(base(), files));
const tree = picker({ webkitdirectory: true, id: "folder" }, files => add(base(), files));
const acts = find("#acts");
if (may("upload")) {
  document.body.append(some, tree, veil);
  acts.append(make("button", { className: "main", onclick: () => some.click() }, say.up.files));
  if ("webkitdirectory" in tree && may("make")) acts.append(make("button", { onclick: () => tree.click() }, say.up.folder));
}

// The queue as it is seen: what asks for somebody, what is on its way, what comes next, what is done. As many lines as a
// person looks at.
const LINES = 60;
const told = make("p", { role: "status", className: "heard" });
const announce = text => (told.textContent = text);
const total = make("progress", { max: 1, "aria-label": say.up.all });
const headline = make("b");
const overall = make("span");
const toggle = make("button", { onclick: () => {
  const stop = queue.some(item => going(item) || item.state === "wait");
  for (const item of queue) if (stop) pause(item);
  else if (item.state === "pause" || item.state === "failed") resume(item);
  pump();
} });
const clear = make("button", { onclick: () => {
  queue.forEach(drop);
  pump();
} });
const lines = make("ul");
const panel = make("section", { id: "queue", "aria-label": say.up.uploads, hidden: true }, total,
  make("details", { open: true }, make("summary", {}, make("div", {}, headline, overall), toggle, clear), lines));
(find("#inbox") ?? find("#dock")).append(panel);
document.body.append(told);
const lasting = seconds => (seconds < 60 ? say.up.s(Math.ceil(seconds)) : seconds < 3600 ? say.up.min(Math.round(seconds / 60)) : say.up.h(Math.floor(seconds / 3600), Math.round(seconds / 60) % 60));
const lineOf = item => {
  if (item.line) return item.line;
  const line = (item.line = make("li"));
  item.progress = make("progress", { max: 1, "aria-label": item.name });
  item.text = make("span");
  item.buttons = make("span", { className: "acts" });
  line.append(make("bdi", {}), item.progress, item.text, item.buttons);
  return line;
};
const offers = item => {
  const offer = (word, act) => make("button", { "aria-label": `${say.up[word]}: ${item.name}`, onclick: () => {
    act();
    pump();
  } }, say.up[word]);
  const cancel = offer("cancel", () => drop(item));
  switch (item.state) {
    case "taken": {
      const all = make("input", { type: "checkbox" });
      const each = what => () => {
        if (all.checked) always = what;
        const others = all.checked ? queue.filter(other => other.state === "taken") : [item];
        for (const other of others) what === "replace" && other.folder ? 0 : decide(other, what);
      };
      const made = [offer("rename", each("rename")), offer("skip", each("skip"))];
      if (may("replace") && !item.folder) made.splice(1, 0, offer("replace", each("replace")));
      if (queue.length > 1) made.push(make("label", {}, all, say.up.forAll));
      return made;
    }
    case "lost": {
      const chooser = picker({}, ([one]) => {
        if (!one) return;
        const { file } = one;
        if (file.size !== item.size || file.lastModified !== item.mtime) return (item.text.textContent = say.up.other);
        Object.assign(item, { file, state: "wait" });
        pump();
      });
      return [chooser, offer("choose", () => chooser.click()), cancel];
    }
    case "failed":
    case "pause":
      return [offer(item.state === "pause" ? "resume" : "retry", () => resume(item)), cancel];
    case "retry":
      return [offer("now", () => resume(item)), offer("pause", () => pause(item)), cancel];
    case "done":
      return [];
    default:
      return [offer("pause", () => pause(item)), cancel];
  }
};
const describe = item => {
  const part = say.up.of(human(item.sent), human(item.size));
  switch (item.state) {
    case "send":
      return item.rate > 0 ? [part, human(item.rate) + "/s", lasting((item.size - item.sent) / item.rate)].join(" · ") : part;
    case "retry":
      return `${part} · ${say.up.again(Math.max(0, Math.ceil((item.again - performance.now()) / 1000)))}`;
    case "pause":
      return `${part} · ${say.up.paused}`;
    case "lost":
      return `${part} · ${say.up.lost}`;
    case "wait":
      return say.up.waiting;
    case "done":
      return `${human(item.size)} · ${say.up.done}`;
    default:
      return item.why;
  }
};
const rank = ["taken", "failed", "send", "retry", "pause", "lost", "wait", "done"];
let changed = false;
let ticking, last;
const draw = () => {
  const busy = queue.filter(item => going(item) || item.state === "wait");
  panel.hidden = !queue.length;
  root.classList.toggle("sending", !panel.hidden && may("read"));
  const shown = rank.flatMap(state => queue.filter(item => item.state === state)).slice(0, LINES);
  const wanted = shown.map(lineOf);
  if (wanted.length !== lines.children.length || wanted.some((line, at) => lines.children[at] !== line)) lines.replaceChildren(...wanted);
  for (const item of shown) {
    if (item.drawn !== item.state) {
      const had = item.buttons.contains(document.activeElement);
      item.buttons.replaceChildren(...offers(item));
      item.line.className = item.drawn = item.state;
      item.line.firstChild.textContent = item.name;
      if (had) find("button", item.buttons)?.focus();
    }
    item.progress.value = item.size ? item.sent / item.size : +(item.state === "done");
    const text = describe(item);
    if (item.text.textContent !== text) item.text.textContent = text;
  }
  const [size, sent, rate] = ["size", "sent", "rate"].map(what => queue.reduce((sum, item) => sum + item[what], 0));
  const done = queue.filter(item => item.state === "done").length;
  total.value = size ? sent / size : 1;
  headline.textContent = say.up.count(done, queue.length);
  overall.textContent = [say.up.of(human(sent), human(size)), ...(rate > 0 ? [human(rate) + "/s", lasting((size - sent) / rate)] : [])].join(" · ");
  const stopped = queue.some(item => item.state === "pause" || item.state === "failed");
  toggle.hidden = !busy.length && !stopped;
  toggle.textContent = busy.length ? say.up.pauseAll : say.up.resumeAll;
  clear.textContent = queue.some(item => item.state !== "done") ? say.up.cancelAll : say.close;
  if (busy.length && !ticking) {
    last = performance.now();
    ticking = setInterval(tick, 400);
  } else if (!busy.length && ticking) {
    clearInterval(ticking);
    ticking = null;
  }
  if (changed && !busy.length) {
    changed = false;
    if (may("read")) refresh();
  }
};
const tick = () => {
  const now = performance.now();
  for (const item of queue) {
    if (item.state === "send") {
      const rate = Math.max(0, (item.sent - (item.seen ?? item.sent)) / (now - last)) * 1000;
      item.rate = item.rate ? item.rate * 0.8 + rate * 0.2 : rate;
      // Nothing moves: the network is gone and nobody said so, or the server refused what it does not read.
      if (now - item.moved > 20_000) item.xhr?.abort();
    } else if (item.state === "retry" && now > item.again) item.state = "wait";
    item.seen = item.sent;
  }
  last = now;
  pump();
};
addEventListener("beforeunload", event => queue.some(going) && event.preventDefault());
addEventListener("pagehide", () => queue.forEach(item => item.id && open(item) && remember(item)));
// As long as files are on their way, folders are opened without leaving the page.
addEventListener("click", event => {
  const link = event.target.closest("nav a, #list a:is(.d, .u)");
  if (!link || !plain(event) || !queue.some(going)) return;
  event.preventDefault();
  moving = visit(link.href, true);
});

// What other pages of this browser are sending is theirs; the rest of what is remembered waits for its file.
const others = new BroadcastChannel("framecat");
others.onmessage = ({ data }) => {
  if (data.ask) others.postMessage({ mine: queue.filter(item => item.file).map(keyOf) });
  else for (const item of queue) if (item.state === "lost" && data.mine.includes(keyOf(item))) item.state = "gone";
  pump();
};
try {
  for (const [key, value] of Object.entries(localStorage)) {
    if (!key.startsWith(kept + " ")) continue;
    const item = JSON.parse(value);
    queue.push({ ...item, name: decoded(item.path.slice(1)), state: "lost", tries: 0, rate: 0, why: "" });
  }
} catch {
  // As above.
}
others.postMessage({ ask: true });
draw();
