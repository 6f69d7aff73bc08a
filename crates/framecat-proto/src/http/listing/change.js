// Making folders, renaming, moving, deleting: each asks first, and says what did not go as it was meant.
const each = async (rows, act) => {
  const wrong = [];
  for (const row of rows) {
    try {
      await act(row);
      chosen.delete(hrefOf(row.link));
    } catch (error) {
      wrong.push(`${row.name}: ${error.message}`);
    }
  }
  await refresh();
  if (wrong.length) throw new Error(wrong.join("\n"));
};
const named = value => {
  const name = value.trim();
  if (!name || name === "." || name === ".." || /\p{Cc}/u.test(name)) throw new Error(say.change.noName);
  return name;
};
const field = (label, value) => {
  const input = make("input", { value, autocomplete: "off", spellcheck: false, "aria-label": label });
  return [make("label", {}, label, input), input];
};
const mkdir = () => {
  const [label, input] = field(say.change.folderName, "");
  ask(say.change.make, [label], say.change.makeIt, async () => {
    const href = encode(named(input.value).replace(/^\/+|\/+$/g, "")) + "/";
    await change("POST", href + "?mkdir");
    await refresh();
    return () => go(rowOf(href));
  });
};
// One thing gets another name; several get another folder.
const rename = () => {
  const rows = meant();
  if (!rows.length) return;
  const [row] = rows;
  const one = rows.length === 1;
  const here = decoded(location.pathname);
  const [label, input] = field(one ? say.change.newName : say.change.to, one ? row.name : here);
  ask(one ? say.change.rename : say.change.move(rows.length), [label], one ? say.change.renameIt : say.change.moveIt, async () => {
    const to = named(input.value);
    await each(rows, ({ link, name }) => {
      const path = one ? to : `/${to.replace(/^\/+|\/+$/g, "")}/${name}`.replace(/^\/+/, "/");
      return change("POST", `${hrefOf(link).replace(/\/$/, "")}?rename=${encode(path)}`);
    });
    return () => go(rowOf(encode(to) + (row.folder ? "/" : "")) ?? edge(true));
  });
  if (one) input.setSelectionRange(0, row.folder ? row.name.length : row.name.replace(/(\.tar)?\.[^.]+$/, "").length);
};
const remove = () => {
  const rows = meant();
  if (!rows.length) return;
  const at = shownRows().indexOf(rows.at(-1));
  const next = shownRows().slice(at + 1).find(row => !rows.includes(row)) ?? shownRows().slice(0, at).findLast(row => !rows.includes(row));
  const then = next && hrefOf(next.link);
  const names = rows.slice(0, 10).map(({ link }) => make("li", {}, ...Array.from(link.childNodes, node => node.cloneNode(true))));
  if (rows.length > 10) names.push(make("li", {}, say.change.more(rows.length - 10)));
  const told = make("p", {}, rows.some(({ folder }) => folder) ? say.change.withAll : say.change.forGood);
  ask(say.change.remove(rows.length), [make("ul", {}, ...names), told], say.change.removeIt, async () => {
    await each(rows, ({ link }) => change("DELETE", hrefOf(link), [404]));
    return () => go((then && rowOf(then)) || edge(true));
  }, { className: "danger" });
};
if (may("make")) {
  acts.append(make("button", { onclick: mkdir }, say.change.make));
  keys.set("n", mkdir);
  help.push(["N", say.change.make]);
}
if (may("rename")) {
  const { rename: word } = say.change;
  bar.append(make("button", { onclick: rename, "data-one": word, "data-many": say.change.moveIt }, word));
  keys.set("F2", rename);
  help.push(["F2", word]);
}
if (may("delete")) {
  bar.append(make("button", { onclick: remove, className: "danger" }, say.change.removeIt));
  keys.set("Delete", remove);
  help.push(["Delete", say.change.removeIt]);
}
