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
  const body = find("tbody");
  const up = find("#up");
  const filter = find("#filter");
  const sum = find("#sum");

  // The rows, read off the table when they are first needed.
  let rows;
  const read = () =>
    (rows ??= Array.from(body.rows).filter(row => row !== up).map(row => {
      const link = row.firstChild.firstChild;
      const name = link.textContent;
      return {
        row, link, name,
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

  // Times become those of the reader's clock, some thousand rows at a time.
  const two = number => String(number).padStart(2, "0");
  const clocks = document.getElementsByTagName("time");
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
  find("th small").remove();

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
    body.append(...rows.map(({ row }) => row));
    const query = word === "name" ? "" : "?sort=" + word;
    history.replaceState(history.state, "", (query || location.pathname) + location.hash);
    for (const link of document.querySelectorAll("nav a, #up a, a.d")) {
      link.setAttribute("href", link.getAttribute("href").split("?")[0] + query);
    }
    for (const link of document.querySelectorAll("th a")) {
      const own = link.dataset.by;
      const sorted = own === by;
      const head = link.parentNode;
      if (sorted) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
      const nextDown = sorted ? !down : own !== "name";
      link.setAttribute("href", "?sort=" + (nextDown ? "-" : "") + own);
    }
  };
  for (const link of document.querySelectorAll("th a")) {
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
  body.parentNode.after(nothing);
  sum.setAttribute("role", "status");
  const sift = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const { row, key, name } of read()) {
      const low = name.toLowerCase();
      row.hidden = !words.every(word => low.includes(word));
      left += !row.hidden;
    }
    if (up) up.hidden = words.length > 0;
    sum.textContent = words.length ? say.count(left, rows.length) : whole;
    nothing.hidden = left > 0 || !words.length;
  };
  if (body.rows.length > (up ? 1 : 0)) {
    filter.hidden = find("#keys").hidden = false;
    filter.addEventListener("input", sift);
    // A browser that goes back fills in what was typed.
    addEventListener("pageshow", () => filter.value && sift());
  }

  // Keys.
  const step = (from, by) => {
    let row = from;
    do row = by > 0 ? row.nextElementSibling : row.previousElementSibling;
    while (row && row.hidden);
    return row;
  };
  const edge = first => {
    const row = first ? body.firstElementChild : body.lastElementChild;
    return row && row.hidden ? step(row, first ? 1 : -1) : row;
  };
  const go = row => {
    if (!row) return;
    find("a", row).focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (dialog && dialog.open) return viewerKey(event);
    const at = document.activeElement;
    const row = at.closest("tbody tr");
    let handled = true;
    if (at === filter) {
      if (event.key === "Escape") {
        filter.value = "";
        sift();
        go(edge(true));
      } else if (event.key === "ArrowDown") go(edge(true));
      else if (event.key === "Enter") {
        const first = edge(true);
        if (first) find("a", first).click();
      } else handled = false;
    } else if (event.key === "/" && !filter.hidden) {
      filter.focus();
      filter.select();
    } else if (event.key === "ArrowDown") go(row ? step(row, 1) : edge(true));
    else if (event.key === "ArrowUp") {
      const above = row && step(row, -1);
      if (row && !above) filter.focus();
      else go(above);
    } else if (event.key === "Home" && row) go(edge(true));
    else if (event.key === "End" && row) go(edge(false));
    else handled = false;
    if (handled) event.preventDefault();
  });

  // Text of a file: no more of it than a person reads at once.
  const most = 512 << 10;
  const load = async (href, signal) => {
    const reply = await fetch(href, { headers: { Range: `bytes=0-${most - 1}` }, signal });
    // A range of an empty file cannot be satisfied.
    if (reply.status === 416) return { text: "", all: 0 };
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
  const text = async (href, signal) => {
    const { text, all, have } = await load(href, signal);
    if (!text) return [make("p", { textContent: say.empty })];
    const shown = make("pre", { textContent: text, tabIndex: 0 });
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
    const bar = make("header", {}, title, place, backward, forward, saver, opener, closer);
    dialog = make("dialog", {}, bar, stage);
    dialog.setAttribute("aria-label", say.viewer);
    dialog.addEventListener("cancel", event => {
      event.preventDefault();
      leave();
    });
    let touched;
    stage.addEventListener("touchstart", event => (touched = event.touches.length === 1 && event.touches[0]), { passive: true });
    stage.addEventListener("touchend", event => {
      if (!touched || event.touches.length || stage.querySelector("audio, video, pre")) return;
      const x = event.changedTouches[0].clientX - touched.clientX;
      const y = event.changedTouches[0].clientY - touched.clientY;
      if (Math.abs(x) > 60 && Math.abs(x) > 2 * Math.abs(y) && visualViewport.scale === 1) turn(x > 0 ? -1 : 1);
    });
    document.body.append(dialog);
  };
  const viewable = () =>
    Array.from(body.rows).filter(row => !row.hidden && row !== up).map(row => row.firstChild.firstChild).filter(link => shows.includes(link.className));
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
    const link = href && find(`tbody a[href="${CSS.escape(href)}"]`);
    if (link && shows.includes(link.className)) {
      if (link !== shown) show(link);
    } else if (dialog && dialog.open) {
      loading.abort();
      stage.replaceChildren();
      dialog.close();
      if (shown) go(shown.closest("tr"));
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
    const link = event.target.closest("tbody a, #readme h2 a");
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
