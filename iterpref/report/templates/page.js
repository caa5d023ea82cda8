// Browsing of trajectories and flips. Text from the run reaches the page through text nodes only, never as markup.
(() => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const PAGE = 50;
  const $ = (id) => document.getElementById(id);

  // Control characters, and those that reorder text, are shown as signs: a program may try to hide in them.
  const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;
  const sign = (c) => {
    const n = c.codePointAt(0);
    return n < 32 ? String.fromCharCode(0x2400 + n) : n === 127 ? "\u2421" : "\u2426";
  };
  const visible = (text) => String(text).replace(HIDDEN, sign);
  const many = (n, one) => `${n.toLocaleString("en")} ${one}${n === 1 ? "" : "s"}`;

  function el(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [key, value] of Object.entries(attributes)) {
      if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== undefined && value !== false) node.setAttribute(key, value === true ? "" : value);
    }
    for (const child of children.flat()) {
      if (child === null || child === undefined || child === "") continue;
      node.append(child instanceof Node ? child : document.createTextNode(visible(child)));
    }
    return node;
  }

  // -- code ---------------------------------------------------------------------------------------------------------

  // Why a difference without weight is beside the point, in words; empty where nothing says that it is.
  const irrelevant = (weight, reason) => (weight > 0 ? "" : data.reasons[reason] || "");

  // A program with its spans: [start, end, weight, reason] in code points. `tokens` draws whole tokens instead.
  function renderCode(code, spans, side, tokens) {
    const chars = Array.from(code);
    const edges = new Set([0, chars.length]);
    for (const [start, end] of spans) edges.add(start).add(end);
    const pieces = []; // [start, end, penalised] of every token
    if (tokens) {
      const on = new Set(tokens.on);
      let at = 0;
      tokens.pieces.forEach((length, index) => {
        const end = at + Math.abs(length);
        if (length > 0) pieces.push([at, end, on.has(index)]);
        edges.add(at).add(end);
        at = end;
      });
    }
    chars.forEach((c, index) => { if (c === "\n") edges.add(index + 1); });
    const cuts = [...edges].filter((edge) => edge <= chars.length).sort((a, b) => a - b);
    const body = el("pre", { class: "code", tabindex: "0", "aria-label": "program" });
    let row = null;
    let lines = 0;
    const open = () => {
      lines += 1;
      row = el("span", { class: "row", "data-n": String(lines) });
      body.append(row);
    };
    const flag = (mark) => {
      const rank = "~=▸+−";
      const now = row.getAttribute("data-sign") || "";
      if (rank.indexOf(mark) > (now ? rank.indexOf(now) : -1)) row.setAttribute("data-sign", mark);
    };
    open();
    const gaps = spans.filter(([start, end]) => start === end);
    const wide = spans.filter(([start, end]) => start < end);
    let token = 0;
    cuts.forEach((start, index) => {
      for (const [at, , weight, reason] of gaps) {
        if (at !== start) continue;
        const beside = irrelevant(weight, reason);
        const told = beside ? "only y+ has code here" : weight > 0 ? "missing: what follows is penalised" : "missing";
        const chip = el("mark", {
          class: beside ? "gap irr" : "gap", "data-label": told, role: "img",
          "aria-label": beside ? `${told}, ${beside}` : `code is ${told}`, title: beside || reason,
        });
        const flagged = beside ? "=" : "▸";
        if (row.hasChildNodes()) {
          row.append(chip);
          flag(flagged);
        } else {
          row.before(el("span", { class: "row", "data-sign": flagged }, chip)); // whole lines are missing: a row without number
        }
      }
      const end = cuts[index + 1];
      if (end === undefined) return;
      while (token < pieces.length && pieces[token][1] <= start) token += 1;
      const piece = token < pieces.length && pieces[token][0] <= start ? pieces[token] : null;
      const covering = wide.filter(([a, b]) => a <= start && end <= b);
      const strongest = covering.reduce((best, span) => (best === null || span[2] > best[2] ? span : best), null);
      let kind = "";
      const beside = strongest && irrelevant(strongest[2], strongest[3]);
      if (side === "plus") kind = strongest ? (beside ? "irr" : "pref") : "";
      else if (tokens) kind = piece && piece[2] ? "pen" : strongest && !(strongest[2] > 0) ? (beside ? "irr" : "rec") : "";
      else kind = strongest ? (strongest[2] > 0 ? "pen" : beside ? "irr" : "rec") : "";
      const text = chars.slice(start, end).join("");
      const told = { pen: strongest ? `penalised: ${strongest[3]}` : "penalised", irr: beside, rec: strongest && strongest[3] === "differs" ? "differs" : "differs, no penalty", pref: "preferred instead" };
      const put = (part, extra) => {
        const name = [kind, ...extra].filter(Boolean).join(" ");
        if (part) row.append(name ? el(kind ? "mark" : "span", { class: name, title: told[kind] }, part) : document.createTextNode(visible(part)));
      };
      const newline = text.endsWith("\n") ? text.length - 1 : text.length;
      const indent = kind && !tokens ? text.slice(0, newline).match(/^[ \t]*/)[0].length : 0;
      const begins = piece && piece[0] === start ? "tok" : "";
      put(text.slice(0, indent), ["ws"]); // no underline below indentation
      put(text.slice(indent, newline), [begins]);
      put(text.slice(newline), piece ? ["nl", newline === 0 ? begins : ""] : ["ws"]);
      if (kind && (!tokens || newline > 0)) flag({ pen: "−", rec: "~", irr: "=", pref: "+" }[kind]);
      if (text.endsWith("\n") && end < chars.length) open();
    });
    if (tokens) row.append(el(tokens.end ? "mark" : "span", { class: tokens.end ? "endtoken pen" : "endtoken", title: tokens.end ? "end token: penalised" : "end token" }));
    return body;
  }

  function verdict(version) {
    const good = version.outcome === "pass";
    const tests = version.tests && !good ? `, ${version.tests[0]} of ${version.tests[1]} tests pass` : "";
    return el("span", { class: `verdict ${good ? "good" : "bad"}` }, version.kind + tests);
  }

  const remark = (...parts) => el("p", { class: "remark" }, parts);
  const cutRemark = (version) => (version.cut ? remark(`${many(version.cut, "more character")} of this program ${version.cut === 1 ? "is" : "are"} not shown.`) : null);
  const feedback = (version) => (version.feedback ? el("pre", { class: "feedback", tabindex: "0", "aria-label": "feedback" }, version.feedback) : null);

  // -- a paged list that keys can walk --------------------------------------------------------------------------------

  function pagedList(prefix, label, show) {
    const list = $(`${prefix}-list`);
    let items = [], page = 0, at = -1;
    const pages = () => Math.max(1, Math.ceil(items.length / PAGE));
    function draw() {
      list.replaceChildren();
      if (!items.length) list.append(el("li", { class: "empty" }, "Nothing matches."));
      items.slice(page * PAGE, (page + 1) * PAGE).forEach((item, offset) => {
        const index = page * PAGE + offset;
        list.append(el("li", {
          role: "option", id: `${prefix}-${index}`, "aria-selected": String(index === at),
          "aria-posinset": String(index + 1), "aria-setsize": String(items.length), onclick: () => select(index),
        }, label(item)));
      });
      $(`${prefix}-page`).textContent = `${page + 1} of ${pages()}`;
      $(`${prefix}-prev`).disabled = page === 0;
      $(`${prefix}-next`).disabled = page + 1 >= pages();
    }
    function select(index) {
      if (!items.length) { at = -1; list.removeAttribute("aria-activedescendant"); show(null); return; }
      at = Math.min(Math.max(index, 0), items.length - 1);
      const wanted = Math.floor(at / PAGE);
      if (wanted !== page || !$(`${prefix}-${at}`)) { page = wanted; draw(); }
      for (const row of list.children) row.setAttribute("aria-selected", String(row.id === `${prefix}-${at}`));
      list.setAttribute("aria-activedescendant", `${prefix}-${at}`);
      const row = $(`${prefix}-${at}`);
      if (row.offsetTop < list.scrollTop + list.offsetTop) list.scrollTop = row.offsetTop - list.offsetTop;
      const below = row.offsetTop + row.offsetHeight - list.offsetTop - list.clientHeight;
      if (below > list.scrollTop) list.scrollTop = below;
      show(items[at]);
    }
    const turn = (by) => { page = Math.min(Math.max(page + by, 0), pages() - 1); draw(); list.scrollTop = 0; select(page * PAGE); };
    $(`${prefix}-prev`).addEventListener("click", () => turn(-1));
    $(`${prefix}-next`).addEventListener("click", () => turn(1));
    list.addEventListener("keydown", (event) => {
      const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
      if (!(event.key in moves) || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      select(at + moves[event.key]);
    });
    return { set(found) { items = found; page = 0; at = -1; draw(); list.scrollTop = 0; select(0); }, move: (by) => select(at + by) };
  }

  // -- trajectories ---------------------------------------------------------------------------------------------------

  let current = null, version = 0, unit = "characters";

  function showSession(session) {
    current = session;
    version = 0;
    drawSession();
  }

  function drawSession() {
    const box = $("t-detail");
    box.replaceChildren();
    const session = current;
    if (!session) return;
    const solved = session.final >= 0;
    const facts = [
      solved ? "solved" : "unsolved", many(session.versions.length, "version"),
      session.teacher && `by ${session.teacher}`, session.source && `from ${session.source}`,
      session.features.length && session.features.join(", "), session.round > 1 && `round ${session.round}`,
    ].filter(Boolean).join(" · ");
    box.append(el("h3", {}, session.id), el("p", { class: "facts" }, facts));
    box.append(el("pre", { class: "prompt", tabindex: "0", "aria-label": "task" }, session.prompt.replace(/^\n+|\s+$/g, "")));
    if (!session.versions.length) { box.append(remark("No version was written.")); return; }
    const tabs = el("div", { class: "tabs", role: "tablist", "aria-label": "Versions" });
    session.versions.forEach((each, index) => tabs.append(el("button", {
      type: "button", role: "tab", id: `v-${index}`, "aria-selected": String(index === version), "aria-controls": "v-panel",
      tabindex: index === version ? "0" : "-1", onclick: () => pick(index, true),
      onkeydown: (event) => {
        const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        if (by) { event.preventDefault(); pick(version + by, true); }
      },
    }, `${index === session.final ? "y+ " : ""}version ${each.index} ${each.outcome === "pass" ? "✓" : "✗"}`)));
    box.append(tabs, el("div", { id: "v-panel", role: "tabpanel", "aria-labelledby": `v-${version}` }, versionPanel(session)));
  }

  function pick(index, focus) {
    version = Math.min(Math.max(index, 0), current.versions.length - 1);
    drawSession();
    if (focus) $(`v-${version}`).focus();
  }

  function versionPanel(session) {
    const each = session.versions[version];
    const final = session.final >= 0 ? session.versions[session.final] : null;
    const asTokens = unit === "tokens";
    const left = el("div", {},
      el("p", { class: "side-head" }, el("b", {}, each === final ? "y+" : each.pair ? "y−" : `version ${each.index}`), verdict(each),
        each.seconds ? el("span", { class: "dim" }, `${each.seconds} s`) : null),
      renderCode(each.code, each.minus || [], "minus", asTokens ? each.tokens : null), cutRemark(each));
    if (each.tokens && each !== final && each.pair) {
      const t = each.tokens;
      left.append(remark(el("b", {}, `${t.penalised} of ${t.count} tokens`), ` penalised${t.end ? ", and the end token" : ""}.`));
    } else if (each.tokens && asTokens) left.append(remark(many(each.tokens.count, "token"), "."));
    if (each.irrelevant) left.append(remark("No penalty: ", el("b", {}, each.irrelevant), "."));
    if (each.mark) left.append(remark(each.mark === "repeat" ? "A repeat: word for word a version before it." : "A regression: it passes fewer tests than a version before it."));
    if (each.drop) left.append(remark("Not paired: ", el("b", {}, each.drop), "."));
    if (each.pair) left.append(remark(`Pair ${each.pair}.`));
    if (each.anchor) left.append(remark("An anchor: it passed with no failure before it, and joins the NLL term only."));
    if (each.message) left.append(el("details", {}, el("summary", {}, "What its author said"), el("pre", { class: "prompt" }, each.message)));
    const told = feedback(each);
    if (told) left.append(told);
    if (each === final) return left;
    if (!final) return [left, remark("No version of this task passes, so there is nothing to compare with.")];
    const right = el("div", {},
      el("p", { class: "side-head" }, el("b", {}, each.chosen ? "y+  this version with what it needs" : `y+  version ${final.index}`), verdict(final)),
      renderCode(each.chosen || final.code, each.plus || [], "plus", asTokens && !each.chosen ? final.tokens : null), cutRemark(final));
    return el("div", { class: "pair" }, left, right);
  }

  const FILTERS = {
    solved: (session, value) => (session.final >= 0) === (value === "yes"),
    kind: (session, value) => session.versions.some((each) => each.kind === value),
    outcome: (session, value) => session.versions.some((each) => each.outcome === value),
    count: (session, value) => String(session.versions.length) === value,
    teacher: (session, value) => session.teacher === value,
    round: (session, value) => String(session.round) === value,
  };
  const haystacks = new Map();
  function haystack(session) {
    if (!haystacks.has(session)) {
      const versions = session.versions.map((each) => `${each.code}\n${each.feedback || ""}\n${each.kind}\n${each.message || ""}\n${each.drop || ""}\n${each.pair || ""}`);
      haystacks.set(session, [session.id, session.prompt, session.source, session.teacher, session.features.join(" "), ...versions].join("\n").toLowerCase());
    }
    return haystacks.get(session);
  }

  function offer(name, values, text = (value) => value) {
    const select = $(`f-${name}`);
    for (const value of values) select.append(el("option", { value }, text(value)));
    select.closest("label").hidden = values.length < 2;
  }

  function startTrajectories() {
    const sessions = data.sessions;
    const distinct = (of) => [...new Set(sessions.flatMap(of))].filter((value) => value !== "");
    offer("kind", distinct((session) => session.versions.map((each) => each.kind)).sort());
    offer("outcome", distinct((session) => session.versions.map((each) => each.outcome)).sort());
    offer("count", distinct((session) => [session.versions.length]).sort((a, b) => a - b).map(String));
    offer("teacher", distinct((session) => [session.teacher]).sort());
    offer("round", distinct((session) => [session.round]).sort((a, b) => a - b).map(String));
    const list = pagedList("t", (session) => {
      const last = session.versions[session.versions.length - 1];
      const how = session.final >= 0 ? "✓" : "✗";
      const first = session.versions.length ? session.versions[0].kind : "no answer";
      const path = session.final >= 0 ? `${first}${first === "passes" && session.versions.length === 1 ? "" : " → passes"}` : `${first} → ${last ? last.kind : ""}`;
      return [el("span", { class: "name" }, `${how} ${session.id}`),
        el("span", { class: "meta" }, `${many(session.versions.length, "version")} · ${path}${session.round > 1 ? ` · round ${session.round}` : ""}`)];
    }, showSession);
    let timer = 0;
    function apply() {
      clearTimeout(timer);
      const words = $("f-text").value.toLowerCase().split(/\s+/).filter(Boolean);
      const wanted = Object.entries(FILTERS).map(([name, test]) => [test, $(`f-${name}`).value]).filter(([, value]) => value !== "");
      const found = sessions.filter((session) => wanted.every(([test, value]) => test(session, value)) &&
        (!words.length || words.every((word) => haystack(session).includes(word))));
      $("t-found").textContent = `${found.length.toLocaleString("en")} of ${sessions.length.toLocaleString("en")} match`;
      list.set(found);
    }
    const form = $("filters");
    $("f-text").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
    form.addEventListener("change", apply);
    form.addEventListener("submit", (event) => { event.preventDefault(); apply(); $("t-list").focus(); });
    form.addEventListener("reset", () => setTimeout(apply, 0));
    for (const input of document.getElementsByName("unit")) {
      input.addEventListener("change", () => { unit = input.value; drawSession(); });
    }
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      const typing = event.target.closest("input[type=search], select, textarea");
      if (event.key === "Escape" && typing) { typing.blur(); return; }
      if (typing) return;
      const inFlips = $("p-list") && event.target.closest("#evaluation");
      const units = [...document.getElementsByName("unit")];
      if (event.key === "j" || event.key === "k") (inFlips ? flipList : list).move(event.key === "j" ? 1 : -1);
      else if ((event.key === "h" || event.key === "l") && current) pick(version + (event.key === "l" ? 1 : -1), false);
      else if (event.key === "/") { event.preventDefault(); $("f-text").focus(); }
      else if (event.key === "t" && units.length) units.find((input) => !input.checked).click();
    });
    apply();
  }

  // -- flips ----------------------------------------------------------------------------------------------------------

  let flipList = null;
  function startFlips() {
    if (!$("p-list")) return;
    flipList = pagedList("p", (flip) => [el("span", { class: "name" }, flip.id),
      el("span", { class: "meta" }, `base: ${flip.base.kind} · tuned: ${flip.tuned.kind}`)], (flip) => {
      const box = $("p-detail");
      box.replaceChildren();
      if (!flip) return;
      const half = (title, each) => el("div", {}, el("p", { class: "side-head" }, el("b", {}, title), verdict(each)),
        renderCode(each.code, each.minus, "minus", null), cutRemark(each), feedback(each));
      box.append(el("h3", {}, flip.id), el("p", { class: "facts" }, flip.features.join(", ")),
        el("div", { class: "pair" }, half("base", flip.base), half("tuned", flip.tuned)));
    });
    function apply() {
      const chosen = data.flips[Number($("p-which").value)];
      const side = document.querySelector("input[name=side]:checked").value;
      const { count, items } = chosen[side];
      const shown = items.length < count ? `${items.length} of ` : "";
      $("p-found").textContent = `${shown}${many(count, "task")} ${side} by the tuned model`;
      flipList.set(items);
    }
    $("flip-filters").addEventListener("change", apply);
    $("flip-filters").addEventListener("submit", (event) => event.preventDefault());
    apply();
  }

  startFlips();
  startTrajectories();
})();
