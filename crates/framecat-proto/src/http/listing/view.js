// The viewer. Its address is the page's with the file behind #, so that going back closes it and it can be
// passed on.
let dialog, title, place, stage, saver, opener, backward, forward, loading;
const shows = "pvst";
const build = () => {
  title = make("h2");
  place = make("span");
  stage = make("div", { id: "stage" });
  backward = iconed("button", "M14.5 5 8 12l6.5 7", say.back, { onclick: () => turn(-1) });
  forward = iconed("button", "M9.5 5 16 12l-6.5 7", say.next, { onclick: () => turn(1) });
  saver = iconed("a", "M12 4v11M7 10.5l5 5 5-5M5 20h14", say.save, { download: "" });
  opener = iconed("a", "M13 4h7v7M20 4l-9 9M10 5H4.5v14.5H19V14", say.open, { target: "_blank", rel: "noopener" });
  const closer = iconed("button", CLOSE, say.close, { onclick: () => leave() });
  const tools = make("div", { id: "tools" }, backward, forward, saver, opener);
  dialog = make("dialog", { className: "view", "aria-label": say.viewer }, make("header", {}, title, place, tools, closer), stage);
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
  loading?.abort();
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
  const failed = () => stage.replaceChildren(make("p", {}, say.unplayable));
  if (link.className === "p") {
    stage.append(make("img", { alt: link.textContent, onerror: failed, src: href }));
    const then = all[at + 1];
    if (then?.className === "p") new Image().src = then.href;
  } else if (link.className === "t") {
    try {
      const made = await text(href, signal);
      if (!signal.aborted) stage.replaceChildren(...made);
    } catch (error) {
      if (!signal.aborted) stage.replaceChildren(make("p", {}, say.failed(error.message)));
    }
  } else {
    const tag = link.className === "v" ? "video" : "audio";
    stage.append(make(tag, { controls: true, autoplay: true, onerror: failed, src: href, playsInline: true }));
  }
};
const turn = by => {
  const all = viewable();
  const link = all[all.findIndex(link => hrefOf(link) === hrefOf(shown)) + by];
  if (!link) return;
  history.replaceState(history.state, "", "#" + link.getAttribute("href"));
  show(link);
};
const leave = () => {
  if (history.state?.viewer) return history.back();
  history.replaceState(null, "", location.pathname + location.search);
  follow();
};
// What the address says is what is shown.
const follow = () => {
  const href = location.hash.slice(1);
  const link = href && linkTo(href);
  if (link && shows.includes(link.className)) {
    if (link !== shown) show(link);
  } else if (dialog?.open) {
    loading.abort();
    stage.replaceChildren();
    dialog.close();
    if (shown) go(rowOf(hrefOf(shown)));
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
addEventListener("click", event => {
  const link = event.target.closest("#list td a, #readme h2 a");
  if (!link || !plain(event) || !shows.includes(link.className)) return;
  event.preventDefault();
  history.pushState({ viewer: true }, "", "#" + link.getAttribute("href"));
  follow();
});
addEventListener("popstate", () => (location.pathname === here ? follow() : (moving = visit(location.href)).then(follow)));
begin();
follow();
