// The folder that is served: made here, so that what is expected of the page stands in one language.
import { createHash } from "node:crypto";
import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { deflateSync } from "node:zlib";

export const root = process.env.FOLDER;

// Names as attackers and accidents make them, and what the page shows of each.
export const HOSTILE = [
  ["<script>alert(1)<script>", "<script>alert(1)<script>"],
  ['" onmouseover="alert(1)', '" onmouseover="alert(1)'],
  ["<img src=x onerror=alert(1)>.txt", "<img src=x onerror=alert(1)>.txt"],
  ["%2e%2e", "%2e%2e"],
  ["%00", "%00"],
  ["?sort=size", "?sort=size"],
  ["#top", "#top"],
  ["a?b#c&d;e", "a?b#c&d;e"],
  ["a+b c", "a+b c"],
  [" lead", " lead"],
  ["trail ", "trail "],
  ["新 建.txt", "新 建.txt"],
  [`a"b'.png`, `a"b'.png`],
  ["back\\slash", "back\\slash"],
  ["&lt;b&gt;.md", "&lt;b&gt;.md"],
  ["new\nline.txt", "new\\nline.txt"],
  ["esc\x1b[31m\r", "esc\\x1B[31m\\r"],
  ["javascript:alert(1)", "javascript:alert(1)"],
  ["C:", "C:"],
  ["evil\u202egpj.exe", "evilU+202Egpj.exe"],
  [Buffer.from("caf\xe9.txt", "latin1"), "caf\\xE9.txt"],
  [Buffer.from("\xff\xfe\xfd", "latin1"), "\\xFF\\xFE\\xFD"],
  ["x".repeat(255), "x".repeat(255)],
  ["名".repeat(85), "名".repeat(85)],
].map(([name, shown], n) => ({
  name: Buffer.from(name),
  shown,
  // Some are longer than what a server hands to the kernel at once.
  content: n % 5 === 4 ? Buffer.alloc(700_000, `content ${n} `) : Buffer.from(`content of file ${n}\n`),
}));

const crc32 = bytes => {
  let sum = ~0;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = (sum >>> 1) ^ (0xedb88320 & -(sum & 1));
  }
  return ~sum >>> 0;
};

// A picture: PNG, eight bits of red, green and blue.
const png = (width, height, color) => {
  const rows = [];
  for (let y = 0; y < height; y++) {
    rows.push(0);
    for (let x = 0; x < width; x++) rows.push(...color(x / width, y / height));
  }
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(data.length);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const signature = Buffer.from("\x89PNG\r\n\x1a\n", "latin1");
  return Buffer.concat([
    signature,
    chunk("IHDR", head),
    chunk("IDAT", deflateSync(Buffer.from(rows))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
};

// A sound: WAV, a second of 8,000 samples of 8 bits.
const wav = () => {
  const head = Buffer.from("RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0@\x1f\0\0@\x1f\0\0\x01\0\x08\0data\0\0\0\0", "latin1");
  const samples = Buffer.from(Array.from({ length: 8000 }, (_, at) => 128 + 60 * Math.sin(at / 3)));
  head.writeUInt32LE(36 + samples.length, 4);
  head.writeUInt32LE(samples.length, 40);
  return Buffer.concat([head, samples]);
};

export const LOG = Array.from({ length: 20_000 }, (_, n) => `2026-11-25 line ${n} a line that is a little longer than a phone is wide\n`).join("");

export const README = `# Field notes

What was measured in the **harbour**, see \`data.csv\`.

- [the report](report.html)
- [a script](javascript:alert(1)) and <b onclick="alert(1)">markup</b>
- ![far away](https://example.com/x.png) ![dusk](harbour%20at%20dusk.png)

\`\`\`sh
curl -s localhost:8000/?json
\`\`\`

| place | metres |
| --- | --- |
| pier | 3 |

<script>alert(1)</script>
`;

// Where: content. What ends in / is a folder.
const files = {
  "README.md": README,
  "data.csv": "hour,height\n" + Array.from({ length: 500 }, (_, n) => `${n},${Math.sin(n).toFixed(3)}\n`).join(""),
  "harbour at dusk.png": png(600, 400, (_, y) => [230 * (1 - y), 120 + 80 * (1 - y), 150 + 90 * y]),
  "IMG_2.png": png(400, 600, (x, y) => [60 + 100 * x, 140 + 60 * y, 120]),
  "IMG_10.png": png(900, 300, (x, y) => [200 * x, 90 + 60 * y, 200 * (1 - x)]),
  "chime.wav": wav(),
  "broken.mp4": "this is no video",
  "server.log": LOG,
  "main.rs": 'fn main() {\n    println!("<b>hello</b> & goodbye");\n}\n',
  "gb.txt": Buffer.from([0xd6, 0xd0, 0xce, 0xc4]),
  "empty.txt": "",
  "report.html": "<!doctype html><title>report</title><h1>The report</h1>",
  "paper.pdf": "%PDF-1.4\n",
  "backup-2026-11-20.tar.gz": Buffer.alloc(2_345_678, 7),
  "新 建 文本文档.txt": "你好，世界\n",
  "A very long file name that goes on and on, as names of papers do when people paste their titles (final version 3).docx": "x",
  "empty/": null,
  "projects/2026/spring garden/plan.txt": "beds and paths\n",
  "projects/2026/notes.txt": "n",
  "projects/README.md": "[![a](b)".repeat(20_000),
  "音乐/一.mp3": "x",
};

export const names = Object.keys(files).map(path => path.split("/")[0]).filter((name, n, all) => all.indexOf(name) === n);

export const make = () => {
  Object.entries(files).forEach(([path, content], n) => {
    const parts = path.split("/").slice(0, -1).join("/");
    mkdirSync(`${root}/${parts}`, { recursive: true });
    if (content === null) return;
    writeFileSync(`${root}/${path}`, content);
    const at = 1_790_000_000 - n * 13 * 86_400;
    utimesSync(`${root}/${path}`, at, at);
  });
  mkdirSync(`${root}/hostile`);
  mkdirSync(`${root}/hostile/dir "q" <b>&amp;`);
  for (const { name, content } of HOSTILE) writeFileSync(Buffer.concat([Buffer.from(`${root}/hostile/`), name]), content);
  mkdirSync(`${root}/many`);
  for (let n = 0; n < 5000; n++) writeFileSync(`${root}/many/file ${n}.txt`, "");
  ["empty", "projects", "projects/2026", "hostile", "many", "音乐"].forEach((path, n) => {
    const at = 1_780_000_000 + n * 5 * 86_400;
    utimesSync(`${root}/${path}`, at, at);
  });
};

export const hash = bytes => createHash("sha256").update(bytes).digest("hex");
