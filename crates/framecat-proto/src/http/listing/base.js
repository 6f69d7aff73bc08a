// What all parts of the script share: words, nodes, dialogs.
const root = document.documentElement;
const chinese = root.lang.startsWith("zh");
const may = word => root.dataset.may?.split(" ").includes(word);
const find = (what, where = document) => where.querySelector(what);
const make = (tag, fields = {}, ...inside) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(fields)) {
    if (name in made) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...inside);
  return made;
};
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
// A button, or a link that looks like one, that is a picture; its label is for those who point at it or hear it.
const iconed = (tag, path, label, fields) => make(tag, { title: label, "aria-label": label, ...fields }, shape(path));
const CLOSE = "m6 6 12 12M18 6 6 18";
const human = bytes => {
  const units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
  let unit = 0;
  while (bytes >= 999.5 && unit < units.length - 1) {
    bytes /= 1000;
    unit++;
  }
  return `${unit && bytes < 9.95 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
};

// A dialog of a few words. What is agreed to is done by `act`, and what goes wrong with it is told in the
// dialog. The focus goes back to where it was, unless `act` gave it to something else.
const ask = (title, inside, ok, act, fields) => {
  const wrong = make("p", { className: "wrong", role: "alert" });
  const no = make("button", { type: "button" }, act ? say.cancel : say.close);
  const yes = make("button", { className: "main", ...fields }, ok);
  const form = make("form", { method: "dialog" }, make("h2", {}, title), ...inside, wrong);
  form.append(make("p", { className: "acts" }, no, ...(act ? [yes] : [])));
  const box = make("dialog", { className: "ask", "aria-label": title }, form);
  no.onclick = () => box.close();
  box.onclose = () => box.remove();
  form.onsubmit = async event => {
    event.preventDefault();
    yes.disabled = true;
    wrong.textContent = "";
    try {
      const then = await act();
      box.close();
      then?.();
    } catch (error) {
      wrong.textContent = error.message;
    }
    yes.disabled = false;
  };
  document.body.append(box);
  box.showModal();
  (find("input", box) ?? no).focus();
};

// What goes wrong, in words; `said` is what is known besides the status.
const wrongs = status => say.status[status] ?? say.status[status >= 500 ? 500 : 400] + ` (${status})`;
// What came back of a request, or an error in words.
const change = async (method, address, also = [], more) => {
  const reply = await fetch(address, { method, ...more }).catch(() => {
    throw new Error(say.gone);
  });
  if (!reply.ok && !also.includes(reply.status)) throw new Error(wrongs(reply.status));
  return reply;
};
const decoded = path => {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
};
// Names of some systems have halves of characters, which no address can hold.
const encode = path => path.replace(/\p{Cs}/gu, "\ufffd").split("/").map(encodeURIComponent).join("/");
