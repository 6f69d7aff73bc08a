// What all browser tests share: a browser, pages that tolerate nothing, servers of their own.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { chromium } from "playwright-core";

const { CHROMIUM, FRAMECAT } = process.env;
let browser;

export const launch = async () => {
  // Chromium refuses its sandbox to root, which a test in a container may be.
  const args = process.getuid() === 0 ? ["--no-sandbox"] : [];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
};
export const quit = () => browser?.close();

export const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true, deviceScaleFactor: 2 };

// A page of its own. What must never be is gathered, whatever the test looks at: an error, a line on the console,
// a dialog, a request to anybody but the server. `refused`: what a browser says of a reply or a connection that the test is about.
export const open = async (url, { refused, ...options }, look) => {
  const context = await browser.newContext({ locale: "en-GB", timezoneId: "UTC", viewport: { width: 1440, height: 900 }, ...options });
  context.setDefaultTimeout(60_000);
  const page = await context.newPage();
  const { origin } = new URL(url);
  const wrong = [];
  page.on("console", message => {
    // Our page has an icon of its own; for a text or a picture that is opened by itself the browser looks for one.
    const { url } = message.location();
    if (!url.endsWith("/favicon.ico") && !refused?.test(message.text())) wrong.push(`console: ${message.text()} ${url}`);
  });
  page.on("pageerror", error => wrong.push(`error: ${error.stack}`));
  // A page that is left while it sends asks whether it may be.
  page.on("dialog", dialog => (dialog.type() === "beforeunload" ? dialog.accept() : (wrong.push(`dialog: ${dialog.message()}`), dialog.dismiss())));
  context.on("request", request => {
    const url = request.url();
    if (!url.startsWith(`${origin}/`) && !url.startsWith("data:")) wrong.push(`request: ${url}`);
  });
  try {
    await page.goto(url);
    await look(page, context);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
};

// A server on a folder of its own, told to listen on any port; `again` starts it on the port that it had.
export const serve = async (...args) => {
  const folder = mkdtempSync(`${tmpdir()}/framecat-browser-`);
  const site = { folder };
  const start = async listen => {
    const child = spawn(FRAMECAT, ["serve", folder, "--listen", listen, ...args], { stdio: ["ignore", "ignore", "pipe"] });
    site.child = child;
    site.gone = new Promise(gone => child.once("exit", gone));
    let told = "";
    site.url = await new Promise((done, fail) => {
      child.stderr.on("data", data => {
        told += data;
        const url = / at (http:\/\/[\d.:]+)\//.exec(told);
        if (url) done(url[1]);
      });
      site.gone.then(() => fail(new Error(`the server has ended: ${told}`)));
    });
  };
  await start("127.0.0.1:0");
  site.kill = async () => {
    site.child.kill("SIGKILL");
    await site.gone;
  };
  site.again = () => start(site.url.slice("http://".length));
  site.end = async () => {
    await site.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  return site;
};

// A wire to the server, which can be cut: all that is on it is lost, and who comes next gets through.
export const wire = async site => {
  const cutters = new Set();
  // Each direction ends by itself, as on a wire.
  const allowHalfOpen = true;
  const server = createServer({ allowHalfOpen }, here => {
    const there = connect({ port: +site.url.split(":")[2], host: "127.0.0.1", allowHalfOpen });
    const cut = () => [here, there].forEach(end => end.resetAndDestroy());
    cutters.add(cut);
    for (const [end, other] of [[here, there], [there, here]]) {
      end.pipe(other);
      end.on("error", cut).on("close", () => {
        cutters.delete(cut);
        other.destroy();
      });
    }
  });
  await new Promise(listening => server.listen(0, "127.0.0.1", listening));
  return { url: `http://127.0.0.1:${server.address().port}`, cut: () => cutters.forEach(cut => cut()), end: () => server.close() };
};

// Dropped as a person drops it: files and folders by their paths.
export const drop = async (page, paths, where = "body") => {
  const session = await page.context().newCDPSession(page);
  const box = await page.locator(where).first().boundingBox();
  const at = { x: box.x + box.width / 2, y: box.y + Math.min(box.height / 2, 60) };
  const data = { items: [], files: paths, dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"]) await session.send("Input.dispatchDragEvent", { type, ...at, data });
  await session.detach();
};

// WCAG 2.2, 1.4.3: relative luminance and contrast.
export const contrast = (a, b) => {
  const luminance = color => {
    const parts = color.match(/[\d.]+/g).slice(0, 3).map(part => part / 255);
    const [red, green, blue] = parts.map(part => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const [high, low] = [luminance(a), luminance(b)].sort((a, b) => b - a);
  return (high + 0.05) / (low + 0.05);
};
// Every text that is seen, its colour, and the colour behind it.
export const colors = page =>
  page.evaluate(() => {
    const all = [];
    for (const element of document.querySelectorAll("body *")) {
      const own = [...element.childNodes].some(node => node.nodeType === 3 && node.data.trim());
      if (!own || !element.checkVisibility() || element.matches("button:disabled, option, script, .heard, noscript")) continue;
      let ground = element;
      const solid = element => !/, 0\)$|transparent/.test(getComputedStyle(element).backgroundColor);
      while (ground && !solid(ground)) ground = ground.parentElement;
      all.push([element.textContent.slice(0, 20), getComputedStyle(element).color, getComputedStyle(ground).backgroundColor]);
    }
    return all;
  });
