"use strict";
// What a table of links cannot do by itself: sort and filter at once, show files in place, keys.
(() => {
  const chinese = document.documentElement.lang.startsWith("zh");
  const say = chinese
    ? {
        none: "没有匹配的名称。", count: (n, all) => `${n} / ${all}`, back: "上一个", next: "下一个", save: "下载",
        open: "在新标签页打开", close: "关闭", empty: "这个文件是空的。", failed: why => `无法显示：${why}`,
        unplayable: "浏览器无法显示这个文件，可以下载。", part: (a, b) => `只显示前 ${a}，共 ${b}。`, viewer: "查看文件",
      }
    : {
        none: "Nothing matches.", count: (n, all) => `${n} of ${all}`, back: "Previous", next: "Next", save: "Download",
        open: "Open in a new tab", close: "Close", empty: "This file is empty.", failed: why => `Cannot be shown: ${why}`,
        unplayable: "The browser cannot show this file; download it.", part: (a, b) => `The first ${a} of ${b}.`,
        viewer: "File",
      };
  const find = (what, where = document) => where.querySelector(what);
  const make = (tag, fields = {}, ...inside) => {
    const made = Object.assign(document.createElement(tag), fields);
    made.append(...inside);
    return made;
  };
  const list = find("#list");
  const up = find("#up");
  const filter = find("#filter");
  const sum = find("#sum");

  // The rows, read off the table when they are first needed, and those that are shown. They stand in groups.
  const groups = Array.from(list.tBodies).filter(group => group !== up);
  const GROUP = 200;
  let rows, sifted;
  const read = () =>
    (rows ??= Array.from(list.querySelectorAll("tbody:not(#up) > tr"), row => {
      const link = row.firstChild.firstChild;
      const name = link.textContent;
      return {
        row, link, name, low: name.toLowerCase(),
        folder: link.className === "d",
        size: +row.cells[1].title.replace(/\D/g, ""),
        time: Date.parse(row.cells[2].firstChild.dateTime),
        // Small letters, and numbers told by their length before their digits: as the server sorts.
        key: name.toLowerCase().replace(/\d+/g, digits => {
          digits = digits.replace(/^0+/, "");
          return "0" + String.fromCharCode(digits.length) + digits;
        }),
      };
    }));

  const lay = shown => {
    sifted = shown;
    groups.forEach((group, at) => {
      group.replaceChildren(...shown.slice(at * GROUP, (at + 1) * GROUP).map(({ row }) => row));
      group.hidden = !group.firstChild;
    });
  };
  const shownRows = () => (sifted ??= read());

  // Times become those of the reader's clock, some thousand rows at a time.
  const two = number => String(number).padStart(2, "0");
  const clocks = Array.from(document.getElementsByTagName("time"));
  let told = 0;
  const tell = () => {
    for (const end = Math.min(told + 2000, clocks.length); told < end; told++) {
      const at = new Date(clocks[told].dateTime);
      const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
      clocks[told].textContent = `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
    }
    if (told < clocks.length) setTimeout(tell);
  };
  tell();
  find("#list th small").remove();

  // Sorting: the links of the head, without a new page. What is sorted stays so in the folders below and above.
  const before = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const sort = word => {
    const down = word.startsWith("-");
    const by = word.replace("-", "");
    const turn = down ? -1 : 1;
    const named = (a, b) => before(a.key, b.key) || before(a.name, b.name);
    const other = (a, b) => turn * (a[by] - b[by]) || named(a, b);
    const order = by === "name" ? (a, b) => turn * named(a, b) : other;
    read().sort((a, b) => b.folder - a.folder || order(a, b));
    sift();
    const query = word === "name" ? "" : "?sort=" + word;
    history.replaceState(history.state, "", (query || location.pathname) + location.hash);
    for (const link of document.querySelectorAll("nav a, #up a")) {
      link.setAttribute("href", link.getAttribute("href").split("?")[0] + query);
    }
    for (const { link, folder } of rows) if (folder) link.setAttribute("href", link.getAttribute("href").split("?")[0] + query);
    for (const link of document.querySelectorAll("#list th a")) {
      const own = link.dataset.by;
      const sorted = own === by;
      const head = link.parentNode;
      if (sorted) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      const nextDown = sorted ? !down : own !== "name";
      link.setAttribute("href", "?sort=" + (nextDown ? "-" : "") + own);
    }
  };
  for (const link of document.querySelectorAll("#list th a")) {
    const word = link.getAttribute("href").split("=")[1];
    link.dataset.by = word.replace("-", "");
    link.addEventListener("click", event => {
      if (!plain(event)) return;
      event.preventDefault();
      sort(link.getAttribute("href").split("=")[1]);
    });
  }
  const plain = event => !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);

  // The filter: every word is somewhere in the name.
  const whole = sum.textContent;
  const nothing = make("p", { className: "none", textContent: say.none, hidden: true });
  list.after(nothing);
  sum.setAttribute("role", "status");
  const sift = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const left = read().filter(({ low }) => words.every(word => low.includes(word)));
    lay(left);
    if (up) up.hidden = words.length > 0;
    sum.textContent = words.length ? say.count(left.length, rows.length) : whole;
    nothing.hidden = left.length > 0 || !words.length;
  };
  if (groups.length) {
    filter.hidden = find("#keys").hidden = false;
    filter.addEventListener("input", sift);
    // A browser that goes back fills in what was typed.
    addEventListener("pageshow", () => filter.value && sift());
  }

  // Keys.
  const go = row => {
    if (!row) return;
    const { link } = row;
    link.focus({ preventScroll: true });
    link.closest("tr").scrollIntoView({ block: "nearest" });
  };
  const above = up && { link: find("a", up) };
  const edge = first => (first && above && !up.hidden ? above : shownRows().at(first ? 0 : -1));
  // The row that is so many below that of a link; above the first there is the way up.
  const step = (link, by) => {
    const all = shownRows();
    if (above && link === above.link) return by > 0 && all[0];
    const at = all.findIndex(row => row.link === link);
    return all[at + by] ?? (at === 0 && by < 0 && above && !up.hidden && above);
  };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (dialog && dialog.open) return viewerKey(event);
    const at = document.activeElement;
    const link = at.closest("#list td a");
    let handled = true;
    if (at === filter) {
      if (event.key === "Escape") {
        filter.value = "";
        sift();
        go(edge(true));
      } else if (event.key === "ArrowDown") go(edge(true));
      else if (event.key === "Enter") edge(true)?.link.click();
      else handled = false;
    } else if (event.key === "/" && !filter.hidden) {
      filter.focus();
      filter.select();
    } else if (event.key === "ArrowDown") go(link ? step(link, 1) : edge(true));
    else if (event.key === "ArrowUp" && link) {
      const before = step(link, -1);
      if (before) go(before);
      else filter.focus();
    } else if (event.key === "Home" && link) go(edge(true));
    else if (event.key === "End" && link) go(edge(false));
    else handled = false;
    if (handled) event.preventDefault();
  });

  // Text of a file: no more of it than a person reads at once.
  const most = 512 << 10;
  const linkTo = href =>
    find(`#list td a[href="${CSS.escape(href)}"]`) ?? rows?.find(({ link }) => link.getAttribute("href") === href)?.link;
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
  const human = bytes => {
    const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let unit = 0;
    while (bytes >= 999.5 && unit < units.length - 1) {
      bytes /= 1000;
      unit++;
    }
    return `${unit && bytes < 9.95 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
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
      if (tick) into.append(make("code", { textContent: code }));
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
        into.append(make("a", { href: address, rel: "noreferrer", textContent: address }), whole.slice(address.length));
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
        into.append(make("pre", { textContent: code.join("\n") }));
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
        into.append(make("pre", { textContent: code.join("\n").trimEnd() }));
      } else paragraph.push(line.trimStart());
    }
    flush();
  };
  const text = async (href, signal) => {
    const { text, all, have } = await load(href, signal);
    if (!text) return [make("p", { textContent: say.empty })];
    let shown;
    // A longer one than anybody writes is shown as it is: to lay it out would keep the page from answering.
    if (/\.(md|markdown)$/i.test(href) && text.length <= 128 << 10) blocks(text.split(/\r?\n/), (shown = make("article", { tabIndex: 0 })));
    else shown = make("pre", { textContent: text, tabIndex: 0 });
    return have < all ? [shown, make("p", { textContent: say.part(human(have), human(all)) })] : [shown];
  };

  // The viewer. Its address is the page's with the file behind #, so that going back closes it and it can be
  // passed on.
  let dialog, title, place, stage, saver, opener, backward, forward, loading;
  const shows = "pvst";
  const shape = path => {
    const space = "http://www.w3.org/2000/svg";
    const drawn = document.createElementNS(space, "svg");
    drawn.setAttribute("viewBox", "0 0 24 24");
    drawn.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(space, "path");
    line.setAttribute("d", path);
    drawn.append(line);
    return drawn;
  };
  const build = () => {
    const button = (tag, path, label, fields) => {
      const made = make(tag, { title: label, ...fields }, shape(path));
      made.setAttribute("aria-label", label);
      return made;
    };
    title = make("h2");
    place = make("span");
    stage = make("div", { id: "stage" });
    backward = button("button", "M14.5 5 8 12l6.5 7", say.back, { onclick: () => turn(-1) });
    forward = button("button", "M9.5 5 16 12l-6.5 7", say.next, { onclick: () => turn(1) });
    saver = button("a", "M12 4v11M7 10.5l5 5 5-5M5 20h14", say.save, { download: "" });
    opener = button("a", "M13 4h7v7M20 4l-9 9M10 5H4.5v14.5H19V14", say.open, { target: "_blank", rel: "noopener" });
    const closer = button("button", "m6 6 12 12M18 6 6 18", say.close, { onclick: () => leave() });
    const tools = make("div", { id: "tools" }, backward, forward, saver, opener);
    const bar = make("header", {}, title, place, tools, closer);
    dialog = make("dialog", {}, bar, stage);
    dialog.setAttribute("aria-label", say.viewer);
    dialog.addEventListener("cancel", event => {
      event.preventDefault();
      leave();
    });
    let touched;
    stage.addEventListener("touchstart", event => (touched = event.touches.length === 1 && event.touches[0]), { passive: true });
    stage.addEventListener("touchend", event => {
      if (!touched || event.touches.length || stage.querySelector("audio, video, pre, article")) return;
      const x = event.changedTouches[0].clientX - touched.clientX;
      const y = event.changedTouches[0].clientY - touched.clientY;
      if (Math.abs(x) > 60 && Math.abs(x) > 2 * Math.abs(y) && visualViewport.scale === 1) turn(x > 0 ? -1 : 1);
    });
    document.body.append(dialog);
  };
  const viewable = () => shownRows().map(({ link }) => link).filter(link => shows.includes(link.className));
  let shown;
  const show = async link => {
    if (!dialog) build();
    if (loading) loading.abort();
    loading = new AbortController();
    const { signal } = loading;
    const href = link.getAttribute("href");
    shown = link;
    const all = viewable();
    const at = all.indexOf(link);
    title.replaceChildren(...Array.from(link.childNodes, node => node.cloneNode(true)));
    place.textContent = at < 0 ? "" : `${at + 1} / ${all.length}`;
    backward.disabled = at <= 0;
    forward.disabled = at < 0 || at === all.length - 1;
    saver.href = opener.href = href;
    stage.replaceChildren();
    if (!dialog.open) {
      dialog.showModal();
      forward.disabled ? dialog.focus() : forward.focus();
    }
    const failed = () => stage.replaceChildren(make("p", { textContent: say.unplayable }));
    if (link.className === "p") {
      stage.append(make("img", { alt: link.textContent, onerror: failed, src: href }));
      const then = all[at + 1];
      if (then && then.className === "p") new Image().src = then.href;
    } else if (link.className === "t") {
      try {
        const made = await text(href, signal);
        if (!signal.aborted) stage.replaceChildren(...made);
      } catch (error) {
        if (!signal.aborted) stage.replaceChildren(make("p", { textContent: say.failed(error.message) }));
      }
    } else {
      const tag = link.className === "v" ? "video" : "audio";
      stage.append(make(tag, { controls: true, autoplay: true, onerror: failed, src: href, playsInline: true }));
    }
  };
  const turn = by => {
    const all = viewable();
    const link = all[all.indexOf(shown) + by];
    if (!link) return;
    history.replaceState(history.state, "", "#" + link.getAttribute("href"));
    show(link);
  };
  const leave = () => {
    if (history.state && history.state.viewer) return history.back();
    history.replaceState(null, "", location.pathname + location.search);
    follow();
  };
  // What the address says is what is shown.
  const follow = () => {
    const href = location.hash.slice(1);
    const link = href && linkTo(href);
    if (link && shows.includes(link.className)) {
      if (link !== shown) show(link);
    } else if (dialog && dialog.open) {
      loading.abort();
      stage.replaceChildren();
      dialog.close();
      if (shown) go({ link: shown });
      shown = null;
    }
  };
  const viewerKey = event => {
    if (event.target.closest("audio, video")) return;
    if (event.key === "ArrowLeft") turn(-1);
    else if (event.key === "ArrowRight") turn(1);
    else return;
    event.preventDefault();
  };
  document.addEventListener("click", event => {
    const link = event.target.closest("#list td a, #readme h2 a");
    if (!link || !plain(event) || !shows.includes(link.className)) return;
    event.preventDefault();
    history.pushState({ viewer: true }, "", "#" + link.getAttribute("href"));
    follow();
  });
  addEventListener("popstate", follow);
  follow();

  // What the folder is.
  const readme = find("#readme");
  if (readme) {
    text(find("a", readme).getAttribute("href"))
      .then(made => readme.append(...made))
      .catch(error => readme.append(make("p", { textContent: say.failed(error.message) })));
  }
})();
