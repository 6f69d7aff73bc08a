// What the page of a folder changes: uploads, folders, names. Run by ../browser.rs with FRAMECAT (the program),
// SHOTS (where pictures go) and CHROMIUM. Nothing waits for time to pass.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, readSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { after, before, test } from "node:test";
import { colors, contrast, drop, launch, open, phone, quit, serve, wire } from "./browser.mjs";

const { SHOTS } = process.env;
const BIG = 300 << 20;
let home;

before(async () => {
  home = mkdtempSync(`${tmpdir()}/framecat-uploads-`);
  await launch();
});
after(async () => {
  await quit();
  rmSync(home, { recursive: true, force: true });
});

// A test with a server of its own, whose folder holds these files.
const on = async (args, files, { wired, ...options }, look) => {
  const site = await serve(...args);
  try {
    if (wired) site.wire = await wire(site);
    for (const [path, content] of Object.entries(files)) {
      if (path.endsWith("/")) mkdirSync(`${site.folder}/${path}`, { recursive: true });
      else writeFileSync(`${site.folder}/${path}`, content);
    }
    await open(`${site.wire?.url ?? site.url}/`, options, (page, context) => look(page, site, context));
    const left = readdirSync(site.folder).filter(name => name.startsWith(".framecat-"));
    assert.deepEqual(left, [], "nothing is left behind");
  } finally {
    site.wire?.end();
    await site.end();
  }
};
const made = (path, content) => {
  mkdirSync(`${home}/${path}`.replace(/\/[^/]*$/, ""), { recursive: true });
  if (!path.endsWith("/")) writeFileSync(`${home}/${path}`, content);
  return `${home}/${path}`;
};
const hash = path => {
  const sum = createHash("sha256");
  const piece = Buffer.alloc(4 << 20);
  const file = openSync(path);
  for (let read; (read = readSync(file, piece)); ) sum.update(piece.subarray(0, read));
  closeSync(file);
  return sum.digest("hex");
};
const read = (site, name) => readFileSync(`${site.folder}/${name}`, "utf8");
const rows = page => page.locator("#list tbody:not(#up) td:first-child a");
const row = (page, name) => rows(page).getByText(name, { exact: true });
const focused = page => page.evaluate(() => document.activeElement.textContent);
const queue = page => page.getByRole("region", { name: "Uploads" });
const item = (page, name) => queue(page).locator("li", { has: page.locator("bdi").getByText(name, { exact: true }) });
const act = (page, what, name) => queue(page).getByRole("button", { name: `${what}: ${name}`, exact: true });
const done = (page, n, all = n) => queue(page).getByText(`${n} of ${all} uploaded`).waitFor();
const choose = (page, ...files) => page.setInputFiles("#files", files.map(([name, text]) => ({ name, mimeType: "text/plain", buffer: Buffer.from(text) })));
const TAKEN = { refused: /status of 4(12|09)/ };
const dialog = page => page.getByRole("dialog");

test("files are uploaded by a button, and stand in the table at once", () =>
  on(["--upload"], { "old.txt": "old" }, {}, async (page, site) => {
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), page.getByRole("button", { name: "Upload files" }).click()]);
    await chooser.setFiles([made("new.txt", "new\n"), made("empty.txt", ""), made("新 建 <b>&amp;.txt", "你好"), made("50% #1?.txt", "odd")]);
    await done(page, 4);
    for (const name of ["new.txt", "empty.txt", "新 建 <b>&amp;.txt", "50% #1?.txt", "old.txt"]) await row(page, name).waitFor();
    assert.deepEqual([read(site, "new.txt"), read(site, "empty.txt"), read(site, "新 建 <b>&amp;.txt"), read(site, "50% #1?.txt")], ["new\n", "", "你好", "odd"]);
    assert.match(await page.locator("#sum").textContent(), /^5 files/);
    await queue(page).getByRole("button", { name: "Close" }).click();
    await queue(page).waitFor({ state: "hidden" });
    // What may not be done is not offered.
    await row(page, "old.txt").focus();
    await page.keyboard.press("Space");
    assert.deepEqual(await page.getByRole("toolbar").getByRole("button").allTextContents(), ["", "Download"]);
  }));

test("300 MB by drag and drop: paused, cut, the server killed, the page loaded anew; and it is the same file", () =>
  on(["--upload"], {}, { refused: /ERR_|Failed to load resource/, wired: true }, async (page, site, context) => {
    const name = "harbour film.mov";
    const path = `${home}/${name}`;
    const file = openSync(path, "w");
    const piece = Buffer.from(Array.from({ length: 1 << 20 }, (_, at) => (at * at * 31 + (at >> 9)) & 255));
    for (let n = 0; n < BIG / piece.length; n++) {
      piece.writeUInt32LE(n);
      writeSync(file, piece);
    }
    closeSync(file);
    // As fast as a good network, so that there is a middle.
    const slow = await context.newCDPSession(page);
    await slow.send("Network.enable");
    const speed = rate => slow.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate });
    await speed(60e6);
    const begun = [];
    page.on("request", request => {
      const range = /^bytes (\d+)-/.exec(request.headers()["content-range"] ?? "");
      if (range) begun.push(+range[1]);
    });
    const beyond = part =>
      page.waitForFunction(part => document.querySelector("#queue li progress")?.value > part, part, { polling: 20 });
    const line = item(page, name);

    await drop(page, [path]);
    await beyond(0.08);
    assert.match(await line.locator("span").first().textContent(), /^\d+ MB of 315 MB/);
    await act(page, "Pause", name).click();
    await line.getByText("paused").waitFor();
    assert.equal(existsSync(`${site.folder}/${name}`), false, "no half file under its name");
    assert.equal(await rows(page).count(), 0);
    const from = [begun.length];
    await act(page, "Resume", name).click();
    await beyond(0.2);

    from.push(begun.length);
    site.wire.cut();
    await beyond(0.35);

    from.push(begun.length);
    await site.kill();
    await line.getByText(/no answer, again in/).waitFor();
    await site.again();
    await beyond(0.5);

    from.push(begun.length);
    await page.reload();
    await line.getByText("choose or drop the same file to go on").waitFor();
    assert.ok((await line.locator("progress").evaluate(bar => bar.value)) > 0.3, "how far it came is remembered");
    await speed(-1);
    await drop(page, [path]);
    await done(page, 1);
    await row(page, name).waitFor();
    assert.equal(statSync(`${site.folder}/${name}`).size, BIG);
    assert.equal(hash(`${site.folder}/${name}`), hash(path));
    // Each time it went on where it had been.
    for (const at of from) assert.ok(begun[at] > 10 << 20, `${begun} ${from}`);
    assert.equal(await page.evaluate(() => localStorage.length), 0, "nothing is left to remember");
    rmSync(path);
  }));

test("another file of the same name does not go on with the first", () =>
  on(["--upload"], {}, {}, async (page, site, context) => {
    const slow = await context.newCDPSession(page);
    await slow.send("Network.enable");
    await slow.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: 4e6 });
    const path = made("notes.bin", Buffer.alloc(12 << 20, "first "));
    await drop(page, [path]);
    await page.waitForFunction(() => document.querySelector("#queue li progress")?.value > 0.1);
    await page.reload();
    const line = item(page, "notes.bin");
    await line.getByText("choose or drop the same file").waitFor();
    const [chooser] = await Promise.all([page.waitForEvent("filechooser"), act(page, "Choose the file", "notes.bin").click()]);
    await chooser.setFiles(made("other/notes.bin", "another"));
    await line.getByText("This is another file").waitFor();
    // Dropped it is another upload, and the first is given up.
    await drop(page, [`${home}/other/notes.bin`]);
    await done(page, 1);
    assert.equal(read(site, "notes.bin"), "another");
  }));

test("what is uploaded or was refused is not remembered when the page is loaded anew", () =>
  on(["--upload"], {}, { refused: /status of 413/ }, async (page, site) => {
    const given = [];
    page.on("request", request => request.method() === "DELETE" && given.push(request.url()));
    await choose(page, ["large.bin", "x".repeat(3 << 20)]);
    await done(page, 1);
    await page.reload();
    await row(page, "large.bin").waitFor();
    await choose(page, ["second.bin", "x".repeat(3 << 20)]);
    await done(page, 1);
    await queue(page).getByRole("button", { name: "Close" }).click();
    await queue(page).waitFor({ state: "hidden" });
    assert.deepEqual(given, [], "what is done is not given up");
    await page.route(/\?upload/, route => route.fulfill(route.request().method() === "POST" ? { status: 201, headers: { Location: "/no.bin?upload=1" } } : { status: 413 }));
    await choose(page, ["no.bin", "x".repeat(3 << 20)]);
    await item(page, "no.bin").getByText("Larger than this server takes.").waitFor();
    await page.reload();
    await row(page, "second.bin").waitFor();
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    assert.ok(await queue(page).isHidden());
  }));

test("a second file of a name whose first is on its way is an upload of its own", () =>
  on(["--upload"], {}, { refused: /status of 4(04|09|12)/ }, async (page, site, context) => {
    const slow = await context.newCDPSession(page);
    await slow.send("Network.enable");
    const speed = rate => slow.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate });
    await speed(1e6);
    await choose(page, ["notes.bin", "x".repeat(6 << 20)]);
    await page.waitForFunction(() => document.querySelector("#queue li progress")?.value > 0.01);
    await choose(page, ["notes.bin", "second"]);
    await done(page, 1, 2);
    await speed(-1);
    await item(page, "notes.bin").getByText("This name is taken.").waitFor();
    await act(page, "Keep both", "notes.bin").click();
    await done(page, 2);
    assert.deepEqual([read(site, "notes.bin"), read(site, "notes (1).bin").length], ["second", 6 << 20]);
    assert.equal(await page.evaluate(() => localStorage.length), 0);
  }));

test("what another than the server says is no end of an upload", () =>
  on(["--upload"], {}, { refused: /status of 404/ }, async (page, site) => {
    const sizes = { "small.txt": 5, "begun.bin": 2 << 20, "gone on.bin": 2 << 20, "in pieces.bin": 10 << 20 };
    // What a network says that wants one to log in first, or a proxy that knows less: once to each request, and then the server.
    const said = [
      ["PUT", "small.txt", 200], ["POST", "begun.bin", 200], ["POST", "begun.bin", 201], ["PUT", "gone%20on.bin", 202],
      ["HEAD", "gone%20on.bin", 204], ["HEAD", "gone%20on.bin", 200], ["PUT", "in%20pieces.bin", 201], ["POST", "folder/", 200],
    ];
    const ranges = [];
    await page.route("**/*", route => {
      const request = route.request();
      const { pathname } = new URL(request.url());
      const at = said.findIndex(([method, path]) => method === request.method() && pathname === `/${path}`);
      if (request.headers()["content-range"]) ranges.push(request.headers()["content-range"]);
      if (at < 0) return route.continue();
      const [[, , status]] = said.splice(at, 1);
      route.fulfill({ status, contentType: "text/html", body: status === 204 ? "" : "<p>Welcome to our network" });
    });
    const paths = Object.entries(sizes).map(([name, size]) => made(`of what/${name}`, Buffer.alloc(size, name)));
    await drop(page, [...paths, made("of what/folder/", "")]);
    await done(page, 5);
    assert.deepEqual(said, []);
    for (const name in sizes) assert.equal(hash(`${site.folder}/${name}`), hash(`${home}/of what/${name}`), name);
    assert.ok(statSync(`${site.folder}/folder`).isDirectory());
    for (const range of ranges) assert.match(range, /^bytes (\d+-\d+|\*)\/\d+$/);
  }));

test("what is paused or cancelled with all the others is not begun first", () =>
  on(["--upload"], {}, {}, async (page, site) => {
    // The server is not to have answered before.
    await page.route("**/*.txt", () => {});
    await page.evaluate(() => {
      const { send } = XMLHttpRequest.prototype;
      window.begun = 0;
      XMLHttpRequest.prototype.send = function (body) {
        window.begun++;
        return send.call(this, body);
      };
    });
    const begun = () => page.evaluate(() => window.begun);
    const many = Array.from({ length: 40 }, (_, n) => [`${n}.txt`, `${n}`]);
    await choose(page, ...many);
    await done(page, 0, 40);
    assert.equal(await begun(), 3);
    await queue(page).getByRole("button", { name: "Pause all" }).click();
    await queue(page).getByRole("button", { name: "Resume all" }).waitFor();
    assert.equal(await queue(page).getByText("paused").count(), 40);
    assert.equal(await begun(), 3);
    await queue(page).getByRole("button", { name: "Resume all" }).click();
    assert.equal(await begun(), 6);
    await queue(page).getByRole("button", { name: "Cancel all" }).click();
    await queue(page).waitFor({ state: "hidden" });
    assert.equal(await begun(), 6);
    await page.unroute("**/*.txt");
    assert.deepEqual(readdirSync(site.folder), []);
    await choose(page, ...many);
    await done(page, 40);
  }));

test("whole folders are dropped and chosen, empty ones too", () =>
  on(["--full"], { "in/": null }, {}, async (page, site) => {
    made("trip/day 1/a.txt", "a");
    made("trip/day 1/b.txt", "b");
    made("trip/d&y/新.txt", "c");
    made("trip/nothing/", "");
    for (let n = 0; n < 150; n++) made(`trip/many/${n}.txt`, `${n}`);
    await drop(page, [`${home}/trip`]);
    await done(page, 154);
    await row(page, "trip").waitFor();
    assert.deepEqual([read(site, "trip/day 1/a.txt"), read(site, "trip/day 1/b.txt"), read(site, "trip/d&y/新.txt")], ["a", "b", "c"]);
    assert.equal(readdirSync(`${site.folder}/trip/many`).length, 150);
    assert.ok(statSync(`${site.folder}/trip/nothing`).isDirectory());
    // Onto the row of a folder: into it.
    await drop(page, [made("one.txt", "one")], "tr:has(a:text-is('in'))");
    await done(page, 155);
    assert.equal(read(site, "in/one.txt"), "one");
    await page.setInputFiles("#folder", `${home}/trip/day 1`);
    await done(page, 157);
    assert.equal(read(site, "day 1/a.txt"), "a");
    await row(page, "day 1").waitFor();
  }));

test("what cannot be read of a drop is told, and the rest of it is there", () =>
  on(["--full"], {}, {}, async (page, site) => {
    made("mixed/good.txt", "good");
    mkdirSync(Buffer.concat([Buffer.from(`${home}/mixed/not UTF-8 `), Buffer.from([255])]));
    await drop(page, [`${home}/mixed`]);
    await done(page, 1, 2);
    await item(page, "mixed/?").getByText("It cannot be read").waitFor();
    // Retried it is no empty file.
    await act(page, "Try again", "mixed/?").click();
    await item(page, "mixed/?").getByText("It cannot be read").waitFor();
    await act(page, "Cancel", "mixed/?").click();
    await done(page, 1);
    // As where rights are missing, a disk fails, or a name has half a character; and what was begun of such a file stays.
    await page.route(/\?upload/, route => /^bytes 8/.test(route.request().headers()["content-range"]) || route.continue());
    const begun = page.waitForRequest(request => /^bytes 8/.test(request.headers()["content-range"]));
    await choose(page, ["file.txt", "x".repeat(9 << 20)]);
    await begun;
    await page.reload();
    await item(page, "file.txt").getByText("choose or drop the same file").waitFor();
    await page.evaluate(() => {
      const fails = (_, fail) => fail(new DOMException("no", "NotReadableError"));
      const half = Object.defineProperty(new File(["half"], "x"), "name", { value: "half \ud800.txt" });
      const entries = [
        { isFile: true, name: "file.txt", file: fails },
        { name: "folder", createReader: () => ({ readEntries: fails }) },
        { isFile: true, name: half.name, file: told => told(half) },
        null,
      ];
      const items = entries.map(entry => ({ kind: "file", webkitGetAsEntry: () => entry, getAsFile: () => null }));
      document.body.dispatchEvent(Object.assign(new Event("drop", { bubbles: true }), { dataTransfer: { types: ["Files"], items } }));
    });
    await done(page, 1, 5);
    for (const name of ["file.txt", "folder", "?"]) await item(page, name).getByText("It cannot be read").waitFor();
    await item(page, "file.txt").getByText("choose or drop the same file").waitFor();
    const given = page.waitForResponse(reply => reply.request().method() === "DELETE");
    await queue(page).getByRole("button", { name: "Cancel all" }).click();
    assert.equal((await given).status(), 204);
    assert.deepEqual(readdirSync(site.folder).sort(), ["half \ufffd.txt", "mixed"]);
    assert.deepEqual(readdirSync(`${site.folder}/mixed`), ["good.txt"]);
    assert.equal(read(site, "half \ufffd.txt"), "half");
    assert.equal(await page.evaluate(() => localStorage.length), 0);
  }));

test("empty folders are made where folders of their names are, and where those above them are not", () =>
  on(["--full"], { "empty/": null, "file": "f" }, { refused: /status of 4(04|09)/ }, async (page, site) => {
    made("empty/", "");
    made("deep/er/one/", "");
    made("deep/er/two/", "");
    made("of folders/file/", "");
    await drop(page, [`${home}/empty`, `${home}/deep`]);
    await done(page, 3);
    for (const path of ["empty", "deep/er/one", "deep/er/two"]) assert.ok(statSync(`${site.folder}/${path}`).isDirectory(), path);
    await drop(page, [`${home}/of folders/file`]);
    await item(page, "file/").getByText("The name is taken.").waitFor();
    assert.equal(read(site, "file"), "f");
  }));

test("a taken name is told, and what is there stays until the reader says otherwise", () =>
  on(["--full"], { "a.txt": "old a", "b.txt": "old b", "c.txt": "old c", "d.tar.gz": "old d", "e/": null }, TAKEN, async (page, site) => {
    await choose(page, ["a.txt", "new a"], ["b.txt", "new b"], ["c.txt", "new c"], ["d.tar.gz", "new d"], ["e", "new e"], ["f.txt", "f"]);
    await done(page, 1, 6);
    for (const name of ["a.txt", "b.txt", "c.txt", "d.tar.gz"]) await item(page, name).getByText("This name is taken.").waitFor();
    await item(page, "e").getByText("A folder has this name.").waitFor();
    assert.equal(await act(page, "Replace", "e").count(), 0, "no file takes the place of a folder");
    assert.equal(read(site, "a.txt"), "old a");
    await act(page, "Replace", "a.txt").click();
    await act(page, "Skip", "b.txt").click();
    await act(page, "Keep both", "c.txt").click();
    await done(page, 3, 5);
    await item(page, "e").getByLabel("for all").check();
    await act(page, "Keep both", "e").click();
    await done(page, 5);
    assert.deepEqual(["a.txt", "b.txt", "c.txt", "c (1).txt", "d.tar.gz", "d (1).tar.gz", "e (1)"].map(name => read(site, name)),
      ["new a", "old b", "old c", "new c", "old d", "new d", "new e"]);
    // "For all" holds for those that come.
    await choose(page, ["c.txt", "third c"]);
    await done(page, 6);
    assert.equal(read(site, "c (2).txt"), "third c");
    // A large one is told before it is sent.
    writeFileSync(`${site.folder}/large.bin`, "old");
    await page.reload();
    const sent = [];
    page.on("request", request => request.method() === "PUT" && sent.push(request.url()));
    await choose(page, ["large.bin", "x".repeat(3 << 20)]);
    await item(page, "large.bin").getByText("This name is taken.").waitFor();
    assert.deepEqual(sent, []);
    await act(page, "Replace", "large.bin").click();
    await done(page, 1);
    assert.equal(read(site, "large.bin").length, 3 << 20);
  }));

test("without the right to replace it is not offered", () =>
  on(["--upload"], { "a.txt": "old" }, TAKEN, async (page, site) => {
    await choose(page, ["a.txt", "new"]);
    await item(page, "a.txt").getByText("This name is taken.").waitFor();
    assert.equal(await act(page, "Replace", "a.txt").count(), 0);
    assert.equal(await act(page, "Cancel", "a.txt").count(), 0, "to skip it is to cancel it");
    await act(page, "Skip", "a.txt").click();
    await queue(page).waitFor({ state: "hidden" });
    assert.equal(read(site, "a.txt"), "old");
  }));

test("folders are made, names changed, things deleted; each asks, by keys alone", () =>
  on(["--full"], { "a.txt": "a", "b.txt": "b", "c.tar.gz": "c", "<img src=x onerror=alert(1)>.txt": "x", "sub/": null, "sub/in.txt": "in" }, TAKEN, async (page, site) => {
    const names = () => rows(page).allTextContents();
    await page.keyboard.press("n");
    await dialog(page).getByLabel("Name of the folder").waitFor();
    await page.keyboard.type("sub");
    await page.keyboard.press("Enter");
    await dialog(page).getByRole("alert").getByText("The name is taken.").waitFor();
    await page.keyboard.press("Control+a");
    await page.keyboard.type("新 folder");
    await page.keyboard.press("Enter");
    await dialog(page).waitFor({ state: "hidden" });
    assert.equal(await focused(page), "新 folder");
    assert.ok(statSync(`${site.folder}/新 folder`).isDirectory());

    await row(page, "c.tar.gz").focus();
    await page.keyboard.press("F2");
    await dialog(page).getByLabel("New name").waitFor();
    // The ending stays when one types.
    await page.keyboard.type("z & <b>");
    await page.keyboard.press("Enter");
    await dialog(page).waitFor({ state: "hidden" });
    assert.equal(await focused(page), "z & <b>.tar.gz");
    assert.equal(read(site, "z & <b>.tar.gz"), "c");
    await page.keyboard.press("F2");
    await page.keyboard.press("Escape");
    assert.equal(await focused(page), "z & <b>.tar.gz");

    await row(page, "<img src=x onerror=alert(1)>.txt").focus();
    await page.keyboard.press("Delete");
    await dialog(page).getByText("<img src=x onerror=alert(1)>.txt").waitFor();
    assert.equal(await focused(page), "Cancel", "what does no harm has the focus");
    await page.keyboard.press("Enter");
    await dialog(page).waitFor({ state: "hidden" });
    assert.equal(await focused(page), "<img src=x onerror=alert(1)>.txt");
    await page.keyboard.press("Delete");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await dialog(page).waitFor({ state: "hidden" });
    assert.equal(await focused(page), "a.txt");
    assert.deepEqual(await names(), ["sub", "新 folder", "a.txt", "b.txt", "z & <b>.tar.gz"]);

    // Several: moved, then deleted.
    await page.keyboard.press("Space");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Space");
    await page.getByRole("toolbar").getByText("2 chosen").waitFor();
    await page.keyboard.press("F2");
    await dialog(page).getByLabel("To the folder").fill("/sub");
    await page.keyboard.press("Enter");
    await dialog(page).waitFor({ state: "hidden" });
    assert.deepEqual([read(site, "sub/a.txt"), read(site, "sub/b.txt"), existsSync(`${site.folder}/a.txt`)], ["a", "b", false]);
    await page.getByRole("toolbar").waitFor({ state: "hidden" });
    await page.keyboard.press("Control+a");
    await page.keyboard.press("Delete");
    await dialog(page).getByText("Delete 3 entries?").waitFor();
    await dialog(page).getByText("Folders go with all that is in them.").waitFor();
    await dialog(page).getByRole("button", { name: "Delete" }).click();
    await dialog(page).waitFor({ state: "hidden" });
    await page.getByText("This folder is empty.").waitFor();
    assert.deepEqual(readdirSync(site.folder), []);
  }));

test("what goes wrong is told in the dialog, and the rest is done", () =>
  on(["--full"], { "a.txt": "a", "b.txt": "b", "sub/": null, "sub/a.txt": "other" }, TAKEN, async (page, site) => {
    await page.keyboard.press("Control+a");
    await page.getByRole("checkbox", { name: "Choose sub" }).uncheck();
    await page.getByRole("toolbar").getByRole("button", { name: "Move" }).click();
    await dialog(page).getByLabel("To the folder").fill("sub");
    await page.keyboard.press("Enter");
    await dialog(page).getByRole("alert").getByText("a.txt: The name is taken.").waitFor();
    assert.deepEqual([read(site, "a.txt"), read(site, "sub/a.txt"), read(site, "sub/b.txt")], ["a", "other", "b"]);
    await page.keyboard.press("Escape");
    await page.getByRole("toolbar").getByText("1 chosen").waitFor();
    assert.deepEqual(await rows(page).allTextContents(), ["sub", "a.txt"]);
  }));

test("one walks through the folders while files are on their way", () =>
  on(["--upload"], { "sub/": null, "sub/in.txt": "in" }, {}, async (page, site, context) => {
    const slow = await context.newCDPSession(page);
    await slow.send("Network.enable");
    const speed = rate => slow.send("Network.emulateNetworkConditions", { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: rate });
    await speed(1e6);
    await page.evaluate(() => (window.kept = true));
    await choose(page, ["slow.bin", "x".repeat(6 << 20)]);
    await page.waitForFunction(() => document.querySelector("#queue li progress")?.value > 0.01);
    await row(page, "sub").click();
    await row(page, "in.txt").waitFor();
    assert.equal(new URL(page.url()).pathname, "/sub/");
    assert.equal(await page.title(), "sub");
    await choose(page, ["here.txt", "here"]);
    await page.goBack();
    await row(page, "sub").waitFor();
    await page.goForward();
    await row(page, "in.txt").waitFor();
    await page.locator("nav").getByText("Files").click();
    await row(page, "sub").waitFor();
    await speed(-1);
    await done(page, 2);
    await row(page, "slow.bin").waitFor();
    assert.ok(await page.evaluate(() => window.kept), "it is the same page");
    assert.equal(statSync(`${site.folder}/slow.bin`).size, 6 << 20);
    assert.equal(read(site, "sub/here.txt"), "here");
  }));

test("the page stays as it is, and says so, where the server gives no newer one", () =>
  on(["--full"], { "a.txt": "a", "sub/": null, "sub/a.txt": "other", "sub/in.txt": "in" }, { refused: /ERR_FAILED|status of (409|412|503)/ }, async (page, site) => {
    const lost = route => route.abort();
    const busy = route => route.fulfill({ status: 503 });
    const other = route => route.fulfill({ contentType: "text/html", body: "<p>Welcome to our network" });
    let folder, how, held;
    await page.route("**/*", route => {
      const { pathname } = new URL(route.request().url());
      if (pathname === "/held.txt") held = route;
      else if (pathname !== folder) return route.continue();
      else {
        folder = null;
        return how(route);
      }
    });
    // The next time that this is asked for: this comes of it.
    const once = (path, what) => ([folder, how] = [path, what]);
    const told = async text => {
      await dialog(page).getByText(text).waitFor();
      await page.keyboard.press("Enter");
      await dialog(page).waitFor({ state: "hidden" });
    };
    await page.evaluate(() => (window.kept = true));
    // What is uploaded is so, and the table stays until there is another.
    let n = 0;
    for (const what of [lost, busy, other]) {
      once("/", what);
      const asked = page.waitForEvent("request", request => request.url() === `${site.url}/`);
      await choose(page, [`${++n}.txt`, "new"]);
      await (await asked).response();
      await done(page, n);
      assert.deepEqual(await rows(page).allTextContents(), ["sub", "a.txt"]);
    }
    // What did not go as it was meant is told all the same.
    once("/", lost);
    await row(page, "a.txt").focus();
    await page.keyboard.press("F2");
    await dialog(page).getByLabel("New name").fill("/sub/a.txt");
    await page.keyboard.press("Enter");
    await dialog(page).getByRole("alert").getByText("a.txt: The name is taken.").waitFor();
    await page.keyboard.press("Escape");
    // While something is on its way, one walks through the folders, and stays where one is.
    await choose(page, ["held.txt", "held"]);
    await done(page, n, n + 1);
    for (const [what, text] of [[lost, "The server does not answer."], [busy, "The server could not do it. (503)"], [other, "The server does not answer."]]) {
      once("/sub/", what);
      await row(page, "sub").click();
      await told(text);
      assert.equal(new URL(page.url()).pathname, "/");
    }
    await row(page, "sub").click();
    await row(page, "in.txt").waitFor();
    once("/", lost);
    await page.goBack();
    await told("The server does not answer.");
    await row(page, "in.txt").waitFor();
    // The address is that of what is shown: what comes now comes there.
    assert.equal(new URL(page.url()).pathname, "/sub/");
    await choose(page, ["here.txt", "here"]);
    await done(page, n + 1, n + 2);
    await held.continue();
    await done(page, n + 2);
    assert.deepEqual([read(site, "held.txt"), read(site, "sub/here.txt")], ["held", "here"]);
    assert.ok(await page.evaluate(() => window.kept), "it is the same page");
  }));

test("an upload that ends meanwhile keeps nobody from the folder that was opened", () =>
  on(["--upload"], { "sub/": null, "sub/in.txt": "in" }, {}, async (page, site) => {
    const held = {};
    await page.route(/(held.txt|\/sub\/)$/, route => (held[new URL(route.request().url()).pathname] = route));
    await choose(page, ["held.txt", "held"]);
    await done(page, 0, 1);
    await Promise.all([page.waitForEvent("request", request => request.url().endsWith("/sub/")), row(page, "sub").click()]);
    await held["/held.txt"].continue();
    await done(page, 1);
    await held["/sub/"].continue();
    await row(page, "in.txt").waitFor();
    assert.equal(new URL(page.url()).pathname, "/sub/");
    await page.goBack();
    await row(page, "held.txt").waitFor();
  }));

test("an inbox takes files and shows no name", () =>
  on(["--drop"], { "secret.txt": "s" }, {}, async (page, site) => {
    assert.equal(await page.title(), "Send files");
    assert.ok(!(await page.content()).includes("secret"));
    assert.equal(await page.locator("#list, #filter, nav").count(), 0);
    await choose(page, ["secret.txt", "mine"]);
    await done(page, 1);
    await drop(page, [made("second.txt", "2")]);
    await done(page, 2);
    // A large one, in pieces; and what is in a folder, without the folder.
    await drop(page, [made("pack/large.bin", "x".repeat(3 << 20)), made("of photos/one.jpg", "1").replace("/one.jpg", "")]);
    await done(page, 4);
    await page.screenshot({ path: `${SHOTS}/inbox-1440-light.png` });
    assert.equal(read(site, "secret.txt"), "s");
    assert.deepEqual(readdirSync(site.folder).sort(), ["large.bin", "one.jpg", "second.txt", "secret (1).txt", "secret.txt"]);
    assert.equal((await page.request.get(`${site.url}/secret.txt`)).status(), 404);
  }));

test("files of one name that come together to an inbox are all there", () =>
  on(["--drop"], {}, {}, async (page, site) => {
    made("one/IMG_1.jpg", "first");
    made("two/IMG_1.jpg", "second");
    await drop(page, [`${home}/one`, `${home}/two`]);
    await done(page, 2);
    const names = readdirSync(site.folder).sort();
    assert.deepEqual(names, ["IMG_1 (1).jpg", "IMG_1.jpg"]);
    assert.deepEqual(names.map(name => read(site, name)).sort(), ["first", "second"]);
    await page.setInputFiles("#files", [`${home}/one/IMG_1.jpg`]);
    await done(page, 3);
    assert.equal(read(site, "IMG_1 (2).jpg"), "first");
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    // Of one size and time, too: after a reload each goes on with its own.
    const folders = ["one", "two"].map(name => `${home}/${name}`);
    for (const folder of folders) {
      rmSync(`${folder}/IMG_1.jpg`);
      writeFileSync(`${folder}/large.bin`, Buffer.alloc(9 << 20, folder));
      utimesSync(`${folder}/large.bin`, 1e9, 1e9);
    }
    const second = request => /^bytes 8/.test(request.headers()["content-range"]);
    await page.route(/\?upload/, route => second(route.request()) || route.continue());
    let held = 0;
    const both = page.waitForEvent("request", request => second(request) && ++held === 2);
    await drop(page, folders);
    await both;
    await page.reload();
    await page.unroute(/\?upload/);
    await done(page, 0, 2);
    await drop(page, folders.toReversed());
    await done(page, 2);
    const hashes = paths => paths.map(path => hash(`${path}.bin`)).sort();
    assert.deepEqual(hashes([`${site.folder}/large`, `${site.folder}/large (1)`]), hashes(folders.map(folder => `${folder}/large`)));
    assert.equal(await page.evaluate(() => localStorage.length), 0);
  }));

test("an inbox takes files by a form without JavaScript", () =>
  on(["--drop"], { "secret.txt": "s" }, { javaScriptEnabled: false }, async (page, site) => {
    await page.getByLabel("Files to upload").setInputFiles([made("secret.txt", "mine")]);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    await page.getByText("Saved.", { exact: true }).waitFor();
    assert.ok(!(await page.content()).includes("secret"));
    assert.deepEqual([read(site, "secret.txt"), read(site, "secret (1).txt")], ["s", "mine"]);
  }));

test("without JavaScript a form uploads", () =>
  on(["--upload"], { "sub/": null }, { javaScriptEnabled: false }, async (page, site) => {
    await row(page, "sub").click();
    await page.waitForURL("**/sub/");
    await page.getByLabel("Files to upload").setInputFiles([made("plain 1.txt", "one"), made("plain 2.txt", "two")]);
    await page.getByRole("button", { name: "Upload", exact: true }).click();
    await row(page, "plain 2.txt").waitFor();
    await page.getByText("Saved.", { exact: true }).waitFor();
    assert.equal(new URL(page.url()).pathname, "/sub/");
    assert.deepEqual([read(site, "sub/plain 1.txt"), read(site, "sub/plain 2.txt")], ["one", "two"]);
  }));

test("who may only read is offered nothing else", () =>
  on([], { "a.txt": "a" }, {}, async page => {
    await row(page, "a.txt").focus();
    for (const key of ["F2", "Delete", "n"]) await page.keyboard.press(key);
    assert.equal(await page.locator("dialog, input[type=file]").count(), 0);
    assert.equal(await page.getByRole("button", { name: /Upload|New folder/ }).count(), 0);
    await page.keyboard.press("Space");
    assert.deepEqual(await page.getByRole("toolbar").getByRole("button").allTextContents(), ["", "Download"]);
  }));

// Every part of the page that changes something, in both colours, at both widths: to be looked at, and measured.
for (const [size, options] of [["1440", {}], ["390", phone]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`what changes things fits and stands out, ${size} wide, ${colorScheme}`, () =>
      on(["--full"], { "a picture of the harbour at dusk, from the pier.jpg": "x", "b.txt": "b", "sub/": null }, { ...options, ...TAKEN, colorScheme }, async (page, site) => {
        const look = async name => {
          await page.screenshot({ path: `${SHOTS}/${name}-${size}-${colorScheme}.png`, animations: "disabled" });
          const wide = await page.evaluate(() => document.documentElement.scrollWidth);
          assert.ok(wide <= +size, `${name}: ${wide}`);
          for (const [text, ink, ground] of await colors(page)) {
            assert.ok(contrast(ink, ground) >= 4.5, `${name} ${text}: ${ink} on ${ground}: ${contrast(ink, ground)}`);
          }
          if (size === "390") {
            const out = await page.locator("button:visible, #list input:visible").evaluateAll(all => all.map(one => [one.textContent, one.getBoundingClientRect().toJSON()]).filter(([, box]) => box.left < 0 || box.right > 390));
            assert.deepEqual(out, [], name);
          }
        };
        await look("full");
        await page.getByRole("checkbox", { name: "Choose b.txt" }).click();
        await page.getByRole("checkbox", { name: "Choose sub" }).click();
        await look("chosen");
        await page.getByRole("toolbar").getByRole("button", { name: "Delete" }).click();
        await look("delete");
        await page.keyboard.press("Escape");
        await page.getByRole("toolbar").getByRole("button", { name: "Move" }).click();
        await look("move");
        await page.keyboard.press("Escape");
        await page.getByRole("toolbar").getByRole("button", { name: "Choose none" }).click();
        await choose(page, ["a picture of the harbour at dusk, from the pier.jpg", "y"], ["b.txt", "y"], ["c.txt", "c"]);
        await done(page, 1, 3);
        await item(page, "b.txt").getByText("This name is taken.").waitFor();
        await item(page, "a picture of the harbour at dusk, from the pier.jpg").getByText("This name is taken.").waitFor();
        await look("queue");
        await queue(page).getByRole("button", { name: "Cancel all" }).click();
        await queue(page).waitFor({ state: "hidden" });
        assert.deepEqual([read(site, "b.txt"), read(site, "c.txt")], ["b", "c"]);
      }));
  }
}
