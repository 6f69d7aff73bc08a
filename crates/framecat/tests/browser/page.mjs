// The page of a folder in a real browser. Run by ../browser.rs with BASE (the server), FOLDER (what it
// serves, made here), SHOTS (where pictures go) and CHROMIUM. Nothing waits for time to pass.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { colors, contrast, launch, open as openAt, phone, quit } from "./browser.mjs";
import { HOSTILE, LOG, hash, make, names } from "./folder.mjs";

const { BASE, SHOTS } = process.env;

before(async () => {
  make();
  await launch();
});
after(quit);

const open = (path, options, look) => openAt(BASE + path, look ? options : {}, look ?? options);
const rows = page => page.locator("#list tbody:not(#up) td:first-child a");
const shown = page => rows(page).allTextContents();
const row = (page, name) => rows(page).getByText(name, { exact: true });
const focused = page => page.evaluate(() => document.activeElement.textContent);
// The page is the same document as before: nothing was loaded.
const mark = page => page.evaluate(() => (window.kept = true));
const kept = page => page.evaluate(() => window.kept === true);
const until = (page, what, ...args) => page.waitForFunction(what, ...args);

const BY_NAME = [
  "empty", "hostile", "many", "projects", "音乐",
  "A very long file name that goes on and on, as names of papers do when people paste their titles (final version 3).docx",
  "backup-2026-11-20.tar.gz", "broken.mp4", "chime.wav", "data.csv", "empty.txt", "gb.txt", "harbour at dusk.png",
  "IMG_2.png", "IMG_10.png", "main.rs", "paper.pdf", "README.md", "report.html", "server.log", "新 建 文本文档.txt",
];

test("a folder opens: names in order, sizes, times of the reader's clock", () =>
  open("/", { timezoneId: "Asia/Shanghai" }, async page => {
    assert.equal(await page.title(), `Files · ${new URL(BASE).host}`);
    assert.deepEqual(await shown(page), BY_NAME);
    assert.deepEqual([...BY_NAME].sort(), [...names, "hostile", "many"].sort());
    assert.match(await page.locator("#sum").textContent(), /^5 folders, 16 files, 3\.\d MB$/);
    const backup = page.locator("tr", { hasText: "backup-2026" }).locator("td");
    assert.equal(await backup.nth(1).textContent(), "2.3 MB");
    assert.equal(await backup.nth(1).getAttribute("title"), "2,345,678 bytes");
    // 1790000000 is 2026-09-21 14:13:20 in UTC.
    assert.equal((await page.locator("tr", { hasText: "README.md" }).locator("time").textContent()).trim(), "2026-09-21 22:13");
    assert.equal(await page.locator("th small").count(), 0);
  }));

test("a click on a column sorts at once, and the order stays in the address and in the folders below", () =>
  open("/", async page => {
    await mark(page);
    await page.getByRole("link", { name: "Size" }).click();
    const bySize = await shown(page);
    assert.equal(bySize[5], "backup-2026-11-20.tar.gz");
    assert.equal(await page.locator("th[aria-sort=descending]").textContent(), "Size");
    assert.ok(page.url().endsWith("/?sort=-size") && (await kept(page)));
    await page.getByRole("link", { name: "Size" }).click();
    assert.equal((await shown(page))[5], "empty.txt");
    await page.getByRole("link", { name: "Size" }).click();
    await page.reload();
    assert.deepEqual(await shown(page), bySize);
    await row(page, "projects").click();
    await page.waitForURL("**/projects/?sort=-size");
    await page.goBack();
    await page.waitForURL("**/?sort=-size");
    assert.deepEqual(await shown(page), bySize);
    await page.getByRole("link", { name: "Name", exact: true }).click();
    assert.equal(new URL(page.url()).search, "");
    assert.deepEqual(await shown(page), BY_NAME);
  }));

test("script and server sort alike", () =>
  open("/", async page => {
    for (const path of ["/", "/hostile/"]) {
      for (const sort of ["name", "-name", "size", "-size", "time", "-time"]) {
        await page.goto(`${BASE}${path}?sort=${sort}`);
        const served = await shown(page);
        // Some other order first, then this one by the script.
        const column = by => page.getByRole("columnheader", { name: by }).getByRole("link");
        const name = { name: "Name", size: "Size", time: "Changed" }[sort.replace("-", "")];
        await column(name === "Name" ? "Size" : "Name").click();
        await column(name).click();
        if (new URL(page.url()).search !== (sort === "name" ? "" : `?sort=${sort}`)) await column(name).click();
        assert.deepEqual(await shown(page), served, `${path} ${sort}`);
      }
    }
  }));

test("the filter finds names by any of their words", () =>
  open("/", async page => {
    await page.keyboard.press("/");
    await page.keyboard.type("IMG");
    assert.deepEqual(await shown(page), ["IMG_2.png", "IMG_10.png"]);
    assert.equal(await page.locator("#sum").textContent(), "2 of 21");
    await page.keyboard.press("Escape");
    assert.equal((await shown(page)).length, 21);
    assert.equal(await focused(page), "empty");
    const filter = page.getByRole("searchbox");
    await filter.fill("png dusk");
    assert.deepEqual(await shown(page), ["harbour at dusk.png"]);
    await filter.fill("no such name");
    assert.ok(await page.getByText("Nothing matches.").isVisible());
    await filter.fill("新");
    assert.deepEqual(await shown(page), ["新 建 文本文档.txt"]);
    await filter.fill("projects");
    await filter.press("Enter");
    await page.waitForURL("**/projects/");
  }));

test("breadcrumbs lead back, and so do back and forward", () =>
  open("/", async page => {
    for (const name of ["projects", "2026", "spring garden"]) {
      await row(page, name).click();
      await page.waitForURL(`**/${encodeURIComponent(name)}/`);
    }
    assert.equal(await page.locator("nav").textContent(), "Files/projects/2026/spring garden");
    assert.equal(await page.title(), "spring garden");
    await page.locator("nav").getByText("2026").click();
    await page.waitForURL("**/projects/2026/");
    await page.goBack();
    await page.waitForURL("**/spring%20garden/");
    await page.goForward();
    await page.waitForURL("**/projects/2026/");
    await page.getByText("Folder above").click();
    await page.waitForURL("**/projects/");
    await page.locator("nav").getByText("Files").click();
    await page.waitForURL(`${BASE}/`);
  }));

const picture = page => page.locator("#stage img");
const loaded = (page, width) =>
  until(page, width => document.querySelector("#stage img")?.complete && document.querySelector("#stage img").naturalWidth === width, width);

test("a picture is shown in place: arrows, Escape, back, and its address", () =>
  open("/", async page => {
    await mark(page);
    await row(page, "harbour at dusk.png").click();
    await loaded(page, 600);
    assert.equal(await page.locator("dialog h2").textContent(), "harbour at dusk.png");
    assert.ok(page.url().endsWith("/#harbour%20at%20dusk.png"));
    await page.keyboard.press("ArrowRight");
    await loaded(page, 400);
    await page.keyboard.press("ArrowRight");
    await loaded(page, 900);
    await page.keyboard.press("ArrowLeft");
    await loaded(page, 400);
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "hidden" });
    assert.equal(page.url(), `${BASE}/`);
    assert.equal(await focused(page), "IMG_2.png");
    await page.goForward();
    await loaded(page, 400);
    await page.goBack();
    await page.locator("dialog").waitFor({ state: "hidden" });
    assert.ok(await kept(page));
    // Its address opens it again, also where nothing was before it.
    await page.goto(`${BASE}/?x#IMG_10.png`);
    await loaded(page, 900);
    await page.getByRole("button", { name: "Close" }).click();
    await page.locator("dialog").waitFor({ state: "hidden" });
    assert.equal(page.url(), `${BASE}/?x`);
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      row(page, "IMG_10.png").click().then(() => page.getByRole("link", { name: "Download" }).click()),
    ]);
    assert.equal(download.suggestedFilename(), "IMG_10.png");
    assert.equal(hash(readFileSync(await download.path())), hash(readFileSync(`${process.env.FOLDER}/IMG_10.png`)));
  }));

test("text is shown as text, whatever it is written in, and no more of it than a person reads", () =>
  open("/", async page => {
    const pre = page.locator("#stage pre");
    const shows = async (name, text) => {
      await row(page, name).click();
      await pre.waitFor();
      assert.equal(await pre.textContent(), text);
      await page.keyboard.press("Escape");
      await page.locator("dialog").waitFor({ state: "hidden" });
    };
    await shows("main.rs", 'fn main() {\n    println!("<b>hello</b> & goodbye");\n}\n');
    await shows("新 建 文本文档.txt", "你好，世界\n");
    await shows("gb.txt", "ÖÐÎÄ");
    await shows("server.log", LOG.slice(0, 512 << 10));
    await row(page, "server.log").click();
    await page.getByText(/^The first 524 kB of 1\.\d MB\.$/).waitFor();
    await page.goBack();
    await row(page, "empty.txt").click();
    await page.getByText("This file is empty.").waitFor();
    await page.goBack();
    await row(page, "broken.mp4").click();
    await page.getByText("The browser cannot show this file; download it.").waitFor();
    await page.goBack();
    await row(page, "chime.wav").click();
    await until(page, () => document.querySelector("#stage audio")?.duration === 1);
    await page.goBack();
    await page.locator("dialog").waitFor({ state: "hidden" });
    assert.equal(await page.locator("audio").count(), 0, "what is closed is silent");
  }));

test("a README is shown below the folder, made of text and not of its markup", () =>
  open("/", async page => {
    const article = page.locator("#readme article");
    await article.waitFor();
    assert.equal(await article.locator("h3").textContent(), "Field notes");
    assert.equal(await article.locator("strong").textContent(), "harbour");
    assert.deepEqual(await article.locator("a").evaluateAll(links => links.map(link => link.getAttribute("href"))), [`${BASE}/report.html`]);
    assert.equal(await article.locator("pre").textContent(), "curl -s localhost:8000/?json");
    assert.deepEqual(await article.locator("td").allTextContents(), ["pier", "3"]);
    assert.deepEqual(await article.locator("img").evaluateAll(images => images.map(image => image.alt)), ["dusk"]);
    assert.ok((await article.textContent()).includes("far away"));
    assert.equal(await page.locator("article script, article [onclick]").count(), 0);
    // One that is made to keep the page busy is shown as it is.
    await page.goto(`${BASE}/projects/`);
    await page.locator("#readme pre").waitFor();
  }));

test("all of it is reached by keys alone", () =>
  open("/", async page => {
    const seen = async () => {
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.equal(outline, "solid", await focused(page));
    };
    await page.keyboard.press("Tab");
    await seen();
    assert.equal(await page.evaluate(() => document.activeElement.id), "filter");
    await page.keyboard.press("ArrowDown");
    assert.equal(await focused(page), "empty");
    await seen();
    await page.keyboard.press("End");
    assert.equal(await focused(page), "新 建 文本文档.txt");
    await page.keyboard.press("ArrowUp");
    assert.equal(await focused(page), "server.log");
    assert.ok(await page.evaluate(() => {
      const { top, bottom } = document.activeElement.getBoundingClientRect();
      return top >= 0 && bottom <= innerHeight;
    }), "what has the focus is in sight");
    await page.keyboard.press("Enter");
    await page.locator("#stage pre").waitFor();
    await page.keyboard.press("Tab");
    await seen();
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "hidden" });
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowUp");
    assert.equal(await page.evaluate(() => document.activeElement.id), "filter");
    await page.keyboard.type("projects");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.waitForURL("**/projects/");
    // The columns too.
    for (let tabs = 0; (await focused(page)).trim() !== "Changed"; tabs++) {
      assert.ok(tabs < 10);
      await page.keyboard.press("Tab");
    }
    await page.keyboard.press("Enter");
    await page.waitForURL("**/projects/?sort=-time");
  }));

test("a path of too many slashes is shown under its own", () =>
  open("//projects///2026//", async page => {
    assert.equal(page.url(), `${BASE}/projects/2026/`);
    await page.getByText("Folder above").click();
    await page.waitForURL(`${BASE}/projects/`);
  }));

test("what is chosen is saved, folders as a zip", () =>
  open("/", async page => {
    const box = name => page.getByRole("checkbox", { name: `Choose ${name}`, exact: true });
    const saved = [];
    page.on("download", download => saved.push(download.suggestedFilename()));
    await box("gb.txt").click();
    await box("projects").click();
    await page.getByRole("toolbar").getByText("2 chosen").waitFor();
    await page.getByRole("toolbar").getByRole("button", { name: "Download" }).click();
    for (const want of ["projects.zip", "gb.txt"]) if (!saved.includes(want)) await page.waitForEvent("download", () => saved.includes(want));
    // Shift takes those between, the box above all, and what sorts the table leaves it chosen.
    await box("empty").click({ modifiers: ["Shift"] });
    await page.getByText("5 chosen").waitFor();
    await page.getByRole("link", { name: "Size" }).click();
    assert.ok((await box("many").isChecked()) && !(await box("main.rs").isChecked()));
    await page.getByRole("checkbox", { name: "Choose all" }).click();
    await page.getByText("21 chosen").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("toolbar").waitFor({ state: "hidden" });
    // By keys.
    await page.keyboard.press("Escape");
    await row(page, "gb.txt").focus();
    await page.keyboard.press("Space");
    await page.getByText("1 chosen").waitFor();
    await page.keyboard.press("Control+a");
    await page.getByText("21 chosen").waitFor();
  }));

test("a folder is saved in one piece", () =>
  open("/projects/", { acceptDownloads: true }, async page => {
    for (const form of ["zip", "tar"]) {
      const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: form }).click()]);
      assert.equal(download.suggestedFilename(), `projects.${form}`);
      assert.ok(readFileSync(await download.path()).includes("beds and paths"));
    }
    await page.goto(`${BASE}/empty/`);
    assert.equal(await page.getByRole("button", { name: "zip" }).count(), 0);
  }));

test("the keys are told, and the focus comes back", () =>
  open("/", async page => {
    await row(page, "main.rs").focus();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).getByText("folder above").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "hidden" });
    assert.equal(await focused(page), "main.rs");
    await row(page, "projects").click();
    await page.waitForURL("**/projects/");
    await page.keyboard.press("Backspace");
    await page.waitForURL(`${BASE}/`);
  }));

test("screen readers hear a table with columns and names", () =>
  open("/projects/", async page => {
    const heard = await page.locator("main").ariaSnapshot();
    assert.match(heard, /table/);
    assert.match(heard, /columnheader "Name/);
    assert.match(heard, /row "2026/);
    assert.match(heard, /cell "2026 Choose 2026"/);
    assert.match(await page.locator("header").ariaSnapshot(), /navigation "Folders above"/);
  }));

for (const colorScheme of ["light", "dark"]) {
  test(`every text stands out in ${colorScheme}`, () =>
    open("/hostile/", { colorScheme }, async page => {
      for (const path of ["/hostile/", "/", "/empty/"]) {
        await page.goto(BASE + path);
        if (path === "/") await page.locator("article").waitFor();
        const all = await colors(page);
        assert.ok(all.length >= 5);
        for (const [text, ink, ground] of all) {
          assert.ok(contrast(ink, ground) >= 4.5, `${path} ${text}: ${ink} on ${ground}: ${contrast(ink, ground)}`);
          const dark = contrast(ground, "rgb(0,0,0)") < contrast(ground, "rgb(255,255,255)");
          assert.equal(dark, colorScheme === "dark", `${text} on ${ground}`);
        }
      }
    }));
}

test("a phone shows all of it without scrolling sideways, for fingers", () =>
  open("/", phone, async page => {
    const fits = async what => {
      const [wide, high] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
      assert.ok(wide <= 390 && high === 390, `${what}: ${wide} of ${high}`);
    };
    for (const path of ["/", "/hostile/", "/projects/2026/spring%20garden/", "/empty/"]) {
      await page.goto(BASE + path);
      await fits(path);
      for (const box of await page.locator("#list tbody tr").evaluateAll(rows => rows.map(row => row.getBoundingClientRect().toJSON()))) {
        assert.ok(box.height >= 44 && box.right <= 390, JSON.stringify(box));
      }
      // The head: the filter is as wide as the page, and what is in one line fills it.
      const [sum, filter, zip] = await page.evaluate(() => ["#sum", "#filter", "#pack"].map(id => document.querySelector(id).getBoundingClientRect().toJSON()));
      assert.ok(filter.width === 0 || filter.width > 340, `${path}: ${JSON.stringify(filter)}`);
      assert.ok(zip.width === 0 || (sum.left < 20 && zip.right > 370 && zip.left > sum.right), `${path}: ${JSON.stringify([sum, zip])}`);
    }
    await page.goto(BASE + "/");
    // The whole row is the link, also beside the name.
    const line = page.locator("tr", { hasText: "IMG_2.png" });
    await line.scrollIntoViewIfNeeded();
    const box = await line.boundingBox();
    await page.touchscreen.tap(box.x + box.width - 10, box.y + box.height - 6);
    await loaded(page, 400);
    await fits("viewer");
    for (const name of ["Previous", "Next", "Close"]) {
      const button = await page.getByRole("button", { name }).boundingBox();
      assert.ok(button.width >= 44 && button.height >= 44, `${name}: ${JSON.stringify(button)}`);
    }
    await page.getByRole("button", { name: "Next" }).tap();
    await loaded(page, 900);
    await page.goBack();
    await page.locator("dialog").waitFor({ state: "hidden" });
    await row(page, "server.log").tap();
    await page.locator("#stage pre").waitFor();
    await fits("text");
  }));

test("Chinese for those who read it", () =>
  open("/", { locale: "zh-CN" }, async page => {
    assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
    assert.equal(await page.title(), `文件 · ${new URL(BASE).host}`);
    assert.match(await page.locator("#sum").textContent(), /^5 个文件夹，16 个文件，3\.\d MB$/);
    assert.deepEqual((await page.locator("th a").allTextContents()).map(text => text.trim()), ["名称", "大小", "修改时间"]);
    await page.getByPlaceholder("筛选").fill("没有");
    await page.getByText("没有匹配的名称。").waitFor();
    await page.getByPlaceholder("筛选").fill("");
    await row(page, "gb.txt").click();
    await page.locator("#stage pre").waitFor();
    assert.equal(await page.locator("#stage pre").textContent(), "中文");
    assert.ok(await page.getByRole("button", { name: "关闭" }).isVisible());
    const left = await page.evaluate(() => document.body.innerText.match(/[A-Z][a-z]+ [a-z]+ [a-z]+/g)?.filter(text => !text.startsWith("A very")));
    assert.ok(!left || left.every(text => /^(Field|What)/.test(text)), `${left}`);
  }));

test("without JavaScript it is read, sorted and walked through", () =>
  open("/", { javaScriptEnabled: false }, async page => {
    assert.deepEqual(await shown(page), BY_NAME);
    assert.ok(!(await page.locator("#filter").isVisible()) && !(await page.locator("#keys").isVisible()));
    assert.equal((await page.locator("th").last().textContent()).trim(), "Changed UTC");
    await page.getByRole("link", { name: "Size" }).click();
    await page.waitForURL("**/?sort=-size");
    assert.equal((await shown(page))[5], "backup-2026-11-20.tar.gz");
    await row(page, "projects").click();
    await page.waitForURL("**/projects/?sort=-size");
    await page.locator("nav").getByText("Files").click();
    await page.waitForURL("**/?sort=-size");
    await row(page, "main.rs").click();
    await page.waitForURL("**/main.rs");
    assert.match(await page.textContent("body"), /<b>hello<\/b>/);
    await page.goBack();
    await page.locator("#readme").getByRole("link", { name: "README.md" }).waitFor();
  }));

test("hostile names are shown as they are, and each link gives the whole file", () =>
  open("/hostile/", { javaScriptEnabled: false }, async (page, context) => {
    const want = HOSTILE.map(({ shown }) => shown).concat('dir "q" <b>&amp;');
    assert.deepEqual((await shown(page)).sort(), want.sort());
    for (const { name, shown, content } of HOSTILE) {
      const link = row(page, shown);
      const href = await link.evaluate(link => link.href);
      assert.ok(href.startsWith(`${BASE}/hostile/`), href);
      const reply = await context.request.get(href);
      assert.equal(reply.status(), 200, href);
      assert.ok(content.equals(await reply.body()), `${name}: not the whole file`);
      // And as a person does it: what the browser does not show it saves.
      const done = new Promise(done => {
        page.once("download", download => done(download));
        // The way back to the folder may still be told of.
        page.on("framenavigated", frame => frame.url() === `${BASE}/hostile/` || done(null));
      });
      await link.click();
      const download = await done;
      page.removeAllListeners("download").removeAllListeners("framenavigated");
      if (download) assert.ok(content.equals(readFileSync(await download.path())), `${name}: not saved whole`);
      else await page.goto(`${BASE}/hostile/`);
      await row(page, want[0]).waitFor();
    }
    await row(page, 'dir "q" <b>&amp;').click();
    assert.ok(await page.getByText("This folder is empty.").isVisible());
    assert.equal(await page.title(), 'dir "q" <b>&amp;');
  }));

test("hostile names do nothing in the viewer either", () =>
  open("/hostile/", async page => {
    for (const name of ["<img src=x onerror=alert(1)>.txt", "caf\\xE9.txt", "new\\nline.txt", "新 建.txt"]) {
      const { content } = HOSTILE.find(({ shown }) => shown === name);
      await row(page, name).click();
      await page.locator("#stage pre").waitFor();
      assert.equal(await page.locator("#stage pre").textContent(), content.toString().slice(0, 512 << 10));
      assert.equal(await page.locator("dialog h2").textContent(), name);
      await page.reload();
      await page.locator("#stage pre").waitFor();
      await page.goBack();
      await page.locator("dialog").waitFor({ state: "hidden" });
    }
    await page.getByRole("searchbox").fill("<img");
    assert.equal((await shown(page)).length, 1);
    // An address of nobody's making shows nothing.
    for (const hash of ["#%3Cimg%20src=x%20onerror=alert(1)%3E", '#"],[href="', "#../../etc/passwd", "#javascript:alert(1)", "#?sort=size"]) {
      await page.goto(`${BASE}/hostile/${hash}`);
      assert.ok((await page.locator("dialog[open]").count()) === 0, hash);
    }
  }));

test("a folder of many names is sorted, filtered and walked in place", () =>
  open("/many/", async page => {
    assert.equal(await rows(page).count(), 5000);
    await page.getByRole("searchbox").fill("4321");
    assert.deepEqual(await shown(page), ["file 4321.txt"]);
    await page.getByRole("searchbox").fill("");
    await page.getByRole("link", { name: "Name", exact: true }).click();
    assert.equal(await rows(page).first().textContent(), "file 4999.txt");
    await rows(page).first().focus();
    await page.keyboard.press("End");
    assert.equal(await focused(page), "file 0.txt");
  }));

for (const colorScheme of ["light", "dark"]) {
  test(`what is not there is told on a page that leads back, in ${colorScheme}`, () =>
    open("/projects/", { colorScheme, refused: /status of 404/ }, async page => {
      await page.goto(`${BASE}/projects/no such.txt`);
      await page.getByText("Nothing is served at this address.").waitFor();
      await page.getByText("这个地址没有内容。").waitFor();
      for (const [text, ink, ground] of await colors(page)) {
        if (ground !== "rgba(0, 0, 0, 0)") assert.ok(contrast(ink, ground) >= 4.5, `${text}: ${ink} on ${ground}`);
      }
      const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      assert.equal(ground, colorScheme === "dark" ? "rgb(18, 21, 24)" : "rgb(246, 247, 248)", "its style counts");
      await page.getByRole("link", { name: "Files" }).click();
      await row(page, "projects").waitFor();
    }));
}

// To be looked at: what no assertion says.
for (const [size, options] of [["1440", {}], ["390", phone]]) {
  for (const colorScheme of ["light", "dark"]) {
    test(`pictures of the page, ${size} wide, ${colorScheme}`, () =>
      open("/", { ...options, colorScheme, locale: colorScheme === "dark" ? "zh-CN" : "en-GB" }, async page => {
        const shot = name => page.screenshot({ path: `${SHOTS}/${name}-${size}-${colorScheme}.png`, animations: "disabled" });
        await page.locator("article").waitFor();
        await shot("folder");
        await page.locator("footer").scrollIntoViewIfNeeded();
        await shot("readme");
        await row(page, "harbour at dusk.png").click();
        await loaded(page, 600);
        await shot("picture");
        await page.goBack();
        await row(page, "server.log").click();
        await page.locator("#stage pre").waitFor();
        await shot("text");
        await page.goto(`${BASE}/hostile/`);
        await shot("hostile");
        await page.goto(`${BASE}/projects/2026/spring%20garden/`);
        await shot("deep");
        await page.goto(`${BASE}/empty/`);
        await shot("empty");
      }));
  }
}
