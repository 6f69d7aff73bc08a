// A server that lets everybody read and asks for a password where something changes (`--open-read`): a browser asks
// its user once, for what a page of ours sends, and never for what a page of another origin does.
import assert from "node:assert";
import { chromium } from "playwright-core";

const { BASE, OTHER, PASSWORD, CHROMIUM } = process.env;
const browser = await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox"] });
const put = (page, url) =>
  page.evaluate(url => fetch(url, { method: "PUT", body: "x" }).then(reply => reply.status, () => "failed"), url);
try {
  // Who types something wrong; where nobody types anything the browser waits.
  const wrong = { username: "ada", password: "wrong" };
  const stranger = await (await browser.newContext({ httpCredentials: wrong })).newPage();
  assert.equal((await stranger.goto(BASE)).status(), 200);
  assert.equal(await put(stranger, "/by-stranger"), 401);

  const context = await browser.newContext({ httpCredentials: { username: "ada", password: PASSWORD } });
  const known = await context.newPage();
  assert.equal((await known.goto(BASE)).status(), 200);
  assert.equal(await put(known, "/by-ada"), 201);
  assert.equal(await put(known, "/by-ada"), 409);

  // The browser knows the password by now, and sends it for whoever asks: so who asks is asked for.
  await known.goto(OTHER + "/page.html");
  assert.equal(await put(known, BASE + "/by-other"), "failed");
  const replied = known.waitForResponse(reply => reply.url() === BASE + "/");
  await known.evaluate(() => document.forms[0].submit());
  assert.equal((await replied).status(), 403);
} finally {
  await browser.close();
}
