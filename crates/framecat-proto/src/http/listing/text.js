// Text of a file: no more of it than a person reads at once.
const most = 512 << 10;
const linkTo = href =>
  find(`#list td a[href="${CSS.escape(href)}"]`) ?? rowOf(href)?.link;
const load = async (href, signal) => {
  const size = +linkTo(href).closest("tr").cells[1].title.replace(/\D/g, "");
  const reply = await fetch(href, { headers: size > most ? { Range: `bytes=0-${most - 1}` } : {}, signal });
  if (!reply.ok) throw new Error(`${reply.status} ${reply.statusText}`);
  const reader = reply.body.getReader();
  const bytes = new Uint8Array(most);
  let have = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const piece = value.subarray(0, most - have);
    bytes.set(piece, have);
    have += piece.length;
    if (have === most) {
      reader.cancel();
      break;
    }
  }
  const range = reply.headers.get("Content-Range");
  const all = +(range ? range.split("/")[1] : reply.headers.get("Content-Length") || have);
  return { text: decode(bytes.subarray(0, have)), all: Math.max(all, have), have };
};
// UTF-8, or what texts were before it; a character that the limit cut is left out.
const decode = bytes => {
  const [a, b] = bytes;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff)) {
    return new TextDecoder(a === 0xff ? "utf-16le" : "utf-16be").decode(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes, { stream: true });
  } catch {
    return new TextDecoder(chinese ? "gb18030" : "windows-1252").decode(bytes);
  }
};

// Markdown as far as READMEs go: blocks by their lines, then words. It is made of nodes and never of markup, and
// every repeat has a bound, so that no text can stall the page.
const marks = new RegExp(
  [
    /(`+)([^]{1,500}?)\1(?!`)/,
    /(!?)\[((?:!\[[^[\]]{0,200}\]\([^()\s]{0,500}\)|[^[\]]){0,500})\]\(\s*<?([^()<>\s]{1,500})>?(?:\s+"[^"]{0,200}")?\s*\)/,
    /https?:\/\/[^\s<>()[\]*`|]{1,500}/,
    /(\*\*|__|~~|\*|_)(\S|\S[^]{0,500}?\S)\6(?![\w*])/,
    /\\([!-/:-@[-`{-~])/,
    /<!--[^]{0,5000}?-->/,
    /<\/?(?:a|b|br|center|code|details|div|em|h[1-6]|hr|i|img|kbd|li|ol|p|picture|pre|source|span|strong|sub|summary|sup|table|td|th|tr|ul)\b[^<>]{0,500}>/,
  ].map(part => part.source).join("|"),
  "g",
);
const words = (text, into, depth = 0) => {
  let from = 0;
  for (const found of depth < 6 ? text.matchAll(marks) : []) {
    const [whole, tick, code, bang, label, target, mark, strong, escaped] = found;
    // _ inside a word is a letter.
    if (mark && mark[0] === "_" && /\w/.test(text[found.index - 1] ?? "")) continue;
    into.append(text.slice(from, found.index));
    from = found.index + whole.length;
    if (tick) into.append(make("code", {}, code));
    else if (target) {
      const url = URL.canParse(target, location.href) && new URL(target, location.href);
      // An anchor would be taken for a file that is shown; a script is none.
      const fit = url && !target.startsWith("#") && ["http:", "https:", "mailto:"].includes(url.protocol);
      if (bang) {
        if (fit && url.origin === location.origin) into.append(make("img", { src: url.href, alt: label, loading: "lazy" }));
        else into.append(label);
      } else {
        const link = fit ? make("a", { href: url.href, rel: "noreferrer" }) : make("span");
        words(label, link, depth + 1);
        into.append(link);
      }
    } else if (mark) {
      const made = make(mark === "~~" ? "s" : mark.length > 1 ? "strong" : "em");
      words(strong, made, depth + 1);
      into.append(made);
    } else if (escaped) into.append(escaped);
    else if (whole.startsWith("http")) {
      const address = whole.replace(/[.,:;!?'"]+$/, "");
      into.append(make("a", { href: address, rel: "noreferrer" }, address), whole.slice(address.length));
    } else if (/^<br/i.test(whole)) into.append(make("br"));
  }
  into.append(text.slice(from));
};
const item = /^( *)([-*+]|\d{1,9}[.)])( +|$)/;
const blocks = (lines, into, depth = 0) => {
  let paragraph = [];
  const put = (tag, text) => {
    const made = make(tag);
    words(text, made);
    if (made.textContent.trim() || find("img", made)) into.append(made);
  };
  const flush = () => {
    if (paragraph.length) put("p", paragraph.join("\n"));
    paragraph = [];
  };
  const heading = (level, text) => put("h" + Math.min(level + 2, 6), text);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    let found;
    if ((found = /^ {0,3}(`{3,}|~{3,})/.exec(line))) {
      flush();
      const code = [];
      while (++at < lines.length && !lines[at].trim().startsWith(found[1])) code.push(lines[at]);
      into.append(make("pre", {}, code.join("\n")));
    } else if ((found = /^ {0,3}(#{1,6})\s+(.*)/.exec(line))) {
      flush();
      heading(found[1].length, found[2].replace(/\s#+\s*$/, ""));
    } else if (paragraph.length && /^(=+|-+)\s*$/.test(line)) {
      const text = paragraph.join(" ");
      paragraph = [];
      heading(line[0] === "=" ? 1 : 2, text);
    } else if (/^ {0,3}([-*_])( ?\1){2,} *$/.test(line)) {
      flush();
      into.append(make("hr"));
    } else if (depth < 6 && /^ {0,3}>/.test(line)) {
      flush();
      const quoted = [];
      for (; at < lines.length && /^ {0,3}>/.test(lines[at]); at++) quoted.push(lines[at].replace(/^ {0,3}> ?/, ""));
      at--;
      const quote = make("blockquote");
      blocks(quoted, quote, depth + 1);
      into.append(quote);
    } else if (depth < 6 && (found = item.exec(line)) && (!paragraph.length || found[3])) {
      flush();
      const ordered = /\d/.test(found[2]);
      const list = make(ordered ? "ol" : "ul", ordered ? { start: parseInt(found[2]) } : {});
      const indent = found[1].length;
      const items = [];
      let loose = false;
      for (; at < lines.length; at++) {
        const next = lines[at];
        const start = item.exec(next);
        if (start && start[1].length <= indent + 1) {
          if (start[1].length < indent || /\d/.test(start[2]) !== ordered) break;
          items.push([next.slice(start[0].length)]);
        } else if (!next.trim()) {
          const after = lines[at + 1] ?? "";
          if (!/^ {2,}\S/.test(after) && !item.test(after)) break;
          items.at(-1).push("");
          loose = true;
        } else if (/^ {2}/.test(next)) items.at(-1).push(next.slice(Math.min(found[0].length, next.search(/\S/))));
        else if (items.at(-1).at(-1) === "" || /^ {0,3}(#|>|```|~~~|\|)/.test(next)) break;
        else items.at(-1).push(next);
      }
      at--;
      for (const inside of items) {
        const made = make("li");
        inside[0] = inside[0].replace(/^\[([ xX])\] /, (_, done) => (done === " " ? "☐ " : "☑ "));
        blocks(inside, made, depth + 1);
        const first = made.firstElementChild;
        if (!loose && first && first.tagName === "P") first.replaceWith(...first.childNodes);
        list.append(made);
      }
      into.append(list);
    } else if (line.includes("|") && /^[\s|:-]*-[\s|:-]*$/.test(lines[at + 1] ?? "") && lines[at + 1].includes("|")) {
      flush();
      const cells = row => row.trim().replace(/^\||\|$/g, "").replaceAll("\\|", "\0").split("|").map(cell => cell.replaceAll("\0", "|"));
      const table = make("table");
      const row = (tag, text) => {
        const made = table.insertRow();
        for (const cell of cells(text)) {
          const place = make(tag);
          words(cell.trim(), place);
          made.append(place);
        }
      };
      row("th", line);
      for (at += 2; at < lines.length && lines[at].includes("|"); at++) row("td", lines[at]);
      at--;
      into.append(make("div", { className: "wide" }, table));
    } else if (!line.trim()) flush();
    else if (!paragraph.length && /^( {4}|\t)/.test(line)) {
      const code = [];
      for (; at < lines.length && /^( {4}|\t|\s*$)/.test(lines[at]); at++) code.push(lines[at].replace(/^( {4}|\t)/, ""));
      at--;
      into.append(make("pre", {}, code.join("\n").trimEnd()));
    } else paragraph.push(line.trimStart());
  }
  flush();
};
const text = async (href, signal) => {
  const { text, all, have } = await load(href, signal);
  if (!text) return [make("p", {}, say.empty)];
  let shown;
  // A longer one than anybody writes is shown as it is: to lay it out would keep the page from answering.
  if (/\.(md|markdown)$/i.test(href) && text.length <= 128 << 10) blocks(text.split(/\r?\n/), (shown = make("article", { tabIndex: 0 })));
  else shown = make("pre", { tabIndex: 0 }, text);
  return have < all ? [shown, make("p", {}, say.part(human(have), human(all)))] : [shown];
};
