// What a table of links cannot do by itself: sort and filter at once, keys, choose, be anew without a new page.
const filter = find("#filter");
const sum = find("#sum");
const main = find("main");
const GROUP = 200;
const plain = event => !(event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey);
const hrefOf = link => link.getAttribute("href").split("?")[0];

// The rows, read off the table when they are first needed, and those that are shown. They stand in groups.
let list, up, groups, rows, sifted, whole, nothing;
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

// Times become those of the reader's clock, and rows can be chosen, some thousand at a time.
const two = number => String(number).padStart(2, "0");
const tell = (all, told = 0) => {
  for (const end = Math.min(told + 2000, all.length); told < end; told++) {
    const clock = find("time", all[told]);
    const at = new Date(clock.dateTime);
    const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
    clock.textContent = `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
    const link = all[told].firstChild.firstChild;
    const label = say.choose(link.textContent);
    const on = chosen.has(hrefOf(link));
    link.after(make("input", { type: "checkbox", "aria-label": label, checked: on }));
    if (on) all[told].className = "on";
  }
  if (told < all.length) setTimeout(tell, 0, all, told);
};

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
  for (const link of document.querySelectorAll("nav a, #up a")) link.setAttribute("href", hrefOf(link) + query);
  for (const { link, folder } of rows) if (folder) link.setAttribute("href", hrefOf(link) + query);
  for (const link of document.querySelectorAll("#list th a")) {
    const own = link.getAttribute("href").split("=")[1].replace("-", "");
    const sorted = own === by;
    const head = link.parentNode;
    if (sorted) head.setAttribute("aria-sort", down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
    const nextDown = sorted ? !down : own !== "name";
    link.setAttribute("href", "?sort=" + (nextDown ? "-" : "") + own);
  }
};

// The filter: every word is somewhere in the name.
sum.setAttribute("role", "status");
const sift = () => {
  const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
  const left = read().filter(({ low }) => words.every(word => low.includes(word)));
  lay(left);
  if (up) up.hidden = words.length > 0;
  sum.textContent = words.length ? say.count(left.length, rows.length) : whole;
  nothing.hidden = left.length > 0 || !words.length;
  allBox();
};
filter.addEventListener("input", sift);

// Choosing: a box in each row, one for all of them, Space, and Shift for those between. What is chosen is kept by its href.
const chosen = new Set();
const bar = make("div", { id: "chosen", role: "toolbar", "aria-label": say.chosen, hidden: true });
const counted = make("b", { role: "status" });
const boxOf = row => row.row.firstChild.children[1];
let lastChosen;
const allBox = () => {
  const box = find("#list th input");
  const shown = chosen.size ? shownRows() : [];
  const on = shown.filter(({ link }) => chosen.has(hrefOf(link))).length;
  box.checked = on > 0 && on === shown.length;
  box.indeterminate = on > 0 && on < shown.length;
};
const choose = (row, on) => {
  const box = boxOf(row);
  if (box) box.checked = on;
  // A class, and no :has(:checked): in a folder of 100,000 names that would take seconds.
  row.row.classList.toggle("on", on);
  chosen[on ? "add" : "delete"](hrefOf(row.link));
  lastChosen = row;
};
const chose = () => {
  allBox();
  const n = chosen.size;
  bar.hidden = !n;
  root.classList.toggle("choosing", n > 0);
  counted.textContent = n ? say.picked(n) : "";
  for (const button of bar.querySelectorAll("[data-one]")) button.textContent = n > 1 ? button.dataset.many : button.dataset.one;
};
const chooseNone = () => {
  chosen.clear();
  for (const row of read()) choose(row, false);
  chose();
};
const rowOf = href => read().find(({ link }) => hrefOf(link) === href);
// What an act is about: all that is chosen, or the row that has the focus.
const meant = () => {
  if (chosen.size) return read().filter(({ link }) => chosen.has(hrefOf(link)));
  const link = document.activeElement.closest("#list tbody:not(#up) tr")?.firstChild.firstChild;
  return link ? [rowOf(hrefOf(link))] : [];
};
main.addEventListener("click", event => {
  const box = event.target.closest("input[type=checkbox]");
  if (!box) return;
  if (box.closest("thead")) for (const row of shownRows()) choose(row, box.checked);
  else {
    const shown = shownRows();
    const at = shown.findIndex(({ row }) => row.contains(box));
    const from = event.shiftKey && lastChosen ? shown.indexOf(lastChosen) : at;
    for (let n = Math.min(at, from < 0 ? at : from); n <= Math.max(at, from); n++) choose(shown[n], box.checked);
    lastChosen = shown[at];
  }
  chose();
});
// A folder is saved as a zip of it.
const save = async () => {
  for (const { link, folder } of meant()) {
    make("a", { href: hrefOf(link) + (folder ? "?zip" : ""), download: "" }).click();
    // Browsers take a few at once and forget the rest.
    await new Promise(then => setTimeout(then, 200));
  }
};
bar.append(iconed("button", CLOSE, say.keys.none, { onclick: () => chooseNone() }), counted, make("button", { onclick: save }, say.save));
const dock = make("div", { id: "dock" }, bar);
document.body.append(dock);

// What is read off a page that has come, be it this document or a fresh one in its place.
const begin = () => {
  list = find("#list");
  up = find("#up");
  rows = sifted = lastChosen = null;
  // Tabs and bookmarks of several servers have to be told apart.
  if (!up) document.title += " · " + location.host;
  groups = Array.from(list.tBodies).filter(group => group !== up);
  whole = sum.textContent;
  nothing = make("p", { className: "none", hidden: true }, say.none);
  list.after(nothing);
  find("#list th small").remove();
  const all = list.querySelectorAll("tbody:not(#up) > tr");
  find("#list th").append(make("input", { type: "checkbox", "aria-label": say.chooseAll, hidden: !all.length }));
  tell(all);
  filter.hidden = find("#keys").hidden = !groups.length;
  if (filter.value && groups.length) sift();
  const readme = find("#readme");
  if (readme && !readme.children[1]) {
    text(find("a", readme).getAttribute("href"))
      .then(made => readme.append(...made))
      .catch(error => readme.append(make("p", {}, say.failed(error.message))));
  }
};
addEventListener("click", event => {
  const link = event.target.closest("#list th a");
  if (!link || !plain(event)) return;
  event.preventDefault();
  sort(link.getAttribute("href").split("=")[1]);
});
// A browser that goes back fills in what was typed.
addEventListener("pageshow", () => filter.value && groups.length && sift());

// The page of a folder in the place of this one, and all else goes on: uploads, what is chosen, the focus.
let here = location.pathname;
let asked = 0;
const readmeOf = where => {
  const link = find("#readme a", where);
  const row = link && find(`#list a[href="${CSS.escape(hrefOf(link))}"]`, where)?.closest("tr");
  return row && hrefOf(link) + row.cells[1].title + find("time", row).dateTime;
};
const visit = async (address, push, failed = ({ message }) => ask(message, [])) => {
  const turn = ++asked;
  let fresh;
  try {
    const reply = await change("GET", address, [], { headers: { Accept: "text/html" }, cache: "no-store" });
    fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
    // Somebody else's page, as of a network that wants one to log in.
    if (!find("#list", fresh)) throw new Error(say.gone);
  } catch (error) {
    if (turn !== asked) return;
    // Whoever went back is still where the names are.
    if (location.pathname !== here) history.pushState(null, "", here);
    return failed(error);
  }
  if (turn !== asked) return;
  // Not before: what is shown is relative to it.
  if (push) history.pushState(null, "", address);
  const same = location.pathname === here;
  const link = document.activeElement.closest("#list a");
  const focused = link && hrefOf(link);
  // A README that is the same is not read and drawn again.
  const was = readmeOf(document);
  if (same && was && was === readmeOf(fresh)) find("#readme", fresh).replaceWith(find("#readme"));
  here = location.pathname;
  document.title = fresh.title;
  find("nav").replaceWith(find("nav", fresh));
  sum.textContent = find("#sum", fresh).textContent;
  find("#pack").hidden = find("#pack", fresh).hidden;
  main.replaceChildren(...find("main", fresh).childNodes);
  if (!same) {
    chosen.clear();
    filter.value = "";
    scrollTo(0, 0);
  }
  begin();
  if (chosen.size) {
    const there = new Set(read().map(({ link }) => hrefOf(link)));
    for (const href of chosen) if (!there.has(href)) chosen.delete(href);
  }
  chose();
  if (focused && same) go(rowOf(focused));
};
// What is shown stays where nothing newer is to be had, and whoever is on the way to another folder gets there.
let moving;
const refresh = async () => {
  await moving;
  await visit(location.pathname + location.search, false, () => {});
};

// Keys. Each part of the script adds its own: by name, what it does; and a line for the help.
const keys = new Map();
const help = [["/", say.keys.filter], ["↑ ↓ Home End", say.keys.walk], ["Enter", say.keys.open], ["Backspace", say.keys.up],
  [say.space, say.keys.choose], ["Ctrl A", say.keys.all], ["Esc", say.keys.none], ["← →", say.keys.turn]];
keys.set("?", () => {
  const lines = help.map(([key, does]) => make("li", {}, make("span", {}, ...key.split(" ").map(key => make("kbd", {}, key))), does));
  ask(say.help, [make("ul", { className: "keys" }, ...lines)]);
});
find("#keys").addEventListener("click", () => keys.get("?")());
const go = row => {
  if (!row) return;
  const { link } = row;
  link.focus({ preventScroll: true });
  link.closest("tr").scrollIntoView({ block: "nearest" });
};
const above = () => up && !up.hidden && { link: find("a", up) };
const edge = first => (first && above()) || shownRows().at(first ? 0 : -1);
// The row that is so many below that of a link; above the first there is the way up.
const step = (link, by) => {
  const all = shownRows();
  if (link === above()?.link) return by > 0 && all[0];
  const at = all.findIndex(row => row.link === link);
  return all[at + by] ?? (at === 0 && by < 0 && above());
};
addEventListener("keydown", event => {
  if (event.isComposing || event.altKey) return;
  if (find("dialog[open]")) return find(".view[open]") && !event.ctrlKey && !event.metaKey && viewerKey(event);
  const at = document.activeElement;
  const link = at.closest("#list tr")?.firstChild.firstChild;
  const { key } = event;
  const typing = at.matches("input:not([type=checkbox])");
  let handled = true;
  if (event.ctrlKey || event.metaKey) {
    if (key !== "a" || typing || !groups.length) return;
    for (const row of shownRows()) choose(row, true);
    chose();
  } else if (at === filter) {
    if (key === "Escape") {
      filter.value = "";
      sift();
      go(edge(true));
    } else if (key === "ArrowDown") go(edge(true));
    else if (key === "Enter") edge(true)?.link.click();
    else handled = false;
  } else if (typing) return;
  else if (key === "/" && !filter.hidden) {
    filter.focus();
    filter.select();
  } else if (key === "ArrowDown") go(link ? step(link, 1) : edge(true));
  else if (key === "ArrowUp" && link) {
    const before = step(link, -1);
    if (before) go(before);
    else filter.focus();
  } else if (key === "Home" && link) go(edge(true));
  else if (key === "End" && link) go(edge(false));
  else if (key === "Backspace" && up) find("a", up).click();
  else if (key === " " && at === link && link !== above()?.link) {
    choose(rowOf(hrefOf(link)), !chosen.has(hrefOf(link)));
    chose();
  } else if (key === "Escape" && chosen.size) chooseNone();
  else if (keys.has(key)) keys.get(key)();
  else handled = false;
  if (handled) event.preventDefault();
});
