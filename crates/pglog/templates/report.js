"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const $ = (selector, from = document) => from.querySelector(selector);
  const $$ = (selector, from = document) => [...from.querySelectorAll(selector)];
  const digits = (value, most) => value.toLocaleString("en", { maximumFractionDigits: most });
  const three = (value) => value.toLocaleString("en", { maximumSignificantDigits: 3 });
  const words = {
    rate: (v) => three(v) + "/s",
    "at-once": three,
    bytes: (v) => (v < 1e3 ? three(v) + " B" : v < 1e6 ? three(v / 1e3) + " kB" : three(v / 1e6) + " MB") + "/s",
    us: (v) => (v < 1e3 ? digits(v, 0) + " µs" : v < 1e6 ? three(v / 1e3) + " ms" : three(v / 1e6) + " s"),
  };

  // One moment is read in all plots over time at once.
  const time = data.time;
  const plots = Object.entries(time.plots).flatMap(([id, { unit, top, lines }]) => {
    const svg = document.getElementById(id);
    if (!svg) return [];
    const cross = document.createElementNS("http://www.w3.org/2000/svg", "path");
    cross.setAttribute("class", "cross");
    svg.append(cross);
    const figure = svg.closest("figure");
    return [{ svg, unit, top, lines, cross, outputs: $$("output", figure), moment: $(".moment", figure) }];
  });
  const last = time.points.length - 1;
  let shown = null;
  const show = (point) => {
    shown = point;
    for (const plot of plots) {
      plot.moment.hidden = point === null;
      plot.lines.forEach((values, i) => {
        const value = point === null ? null : values[point];
        plot.outputs[i].textContent = point === null ? "" : value === null ? "–" : words[plot.unit](value);
      });
      plot.moment.textContent = point === null ? "" : "at " + time.points[point];
      const x = time.left + (((point ?? 0) + 0.5) / (last + 1)) * (time.right - time.left);
      const bottom = plot.svg.viewBox.baseVal.height - time.bottom;
      plot.cross.setAttribute("d", point === null ? "" : `M${x.toFixed(1)} ${plot.top}V${bottom}`);
    }
  };
  const clamp = (point) => Math.max(0, Math.min(last, point));
  for (const { svg } of plots) {
    svg.setAttribute("tabindex", "0");
    const follow = (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * time.width;
      show(clamp(Math.floor(((x - time.left) / (time.right - time.left)) * (last + 1))));
    };
    svg.addEventListener("pointermove", follow);
    svg.addEventListener("pointerdown", follow);
    svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && show(null));
    svg.addEventListener("blur", () => show(null));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[event.key];
      if (step !== undefined) {
        event.preventDefault();
        show(clamp((shown ?? (step > 0 ? -1 : last + 1)) + step));
      } else if (event.key === "Escape") show(null);
    });
  }

  // A head's text becomes a button that sorts.
  const sortable = (head, sort) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", sort);
  };
  // Greatest first, then smallest first, then as it was.
  const turn = { descending: "ascending", ascending: null };

  const number = (cell) => (cell.dataset.v === undefined ? null : Number(cell.dataset.v));
  for (const table of $$("table.plain")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    if (original.length < 2) continue;
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) =>
      sortable(head, () => {
        const was = head.getAttribute("aria-sort");
        const order = was === null ? "descending" : turn[was];
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (order) head.setAttribute("aria-sort", order);
        const sign = order === "ascending" ? 1 : -1;
        const by = (a, b) => {
          const [x, y] = [a.cells[column], b.cells[column]];
          const [m, n] = [number(x), number(y)];
          return sign * (m !== null && n !== null ? m - n : x.textContent.localeCompare(y.textContent));
        };
        body.append(...(order ? [...original].sort(by) : original));
      }),
    );
  }

  // The statements: in order of a measure, and those in which a text occurs. Both stand in the address.
  const table = $("table.statements");
  const rows = table ? [...table.tBodies] : [];
  const values = new Map(rows.map((row, i) => [row, data.statements[i]]));
  const texts = new Map(rows.map((row) => [row, (row.id + " " + row.textContent).replace(/\s+/g, " ").toLowerCase()]));
  const others = $$("table.plain tbody tr").map((row) => [row, row.textContent.toLowerCase()]);
  const search = $("#q");
  const by = $("#by");
  const heads = table ? $$("th[data-by]", table) : [];
  const state = { by: 0, up: false, q: "" };

  const draw = () => {
    const sign = state.up ? 1 : -1;
    if (table) {
      table.append(...[...rows].sort((a, b) => sign * (values.get(a)[state.by] - values.get(b)[state.by])));
      by.value = String(state.by);
    }
    for (const head of heads) {
      if (Number(head.dataset.by) === state.by) head.setAttribute("aria-sort", state.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    const wanted = state.q.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => wanted.every((word) => text.includes(word));
    let found = 0;
    for (const row of rows) {
      row.hidden = !has(texts.get(row));
      found += row.hidden ? 0 : 1;
    }
    for (const [row, text] of others) row.hidden = !has(text);
    $("nav output").textContent = wanted.length ? `${digits(found, 0)} of ${digits(rows.length, 0)} statements` : "";
    if (table) $("#none").hidden = found > 0;
  };
  const write = () => {
    const fragment = new URLSearchParams();
    if (state.q) fragment.set("q", state.q);
    if (state.by) fragment.set("by", heads[state.by].textContent);
    if (state.up) fragment.set("up", "1");
    history.replaceState(null, "", "#" + fragment);
    draw();
  };
  const read = () => {
    const fragment = location.hash.slice(1);
    const statement = fragment.startsWith("s-") && document.getElementById(fragment);
    if (statement) {
      // One that is filtered away is shown all the same.
      if (statement.hidden) {
        state.q = search.value = "";
        draw();
      }
      const details = $("details", statement);
      details.open = true;
      statement.scrollIntoView({ block: "start" });
      $("summary", details).focus({ preventScroll: true });
      return;
    }
    if (fragment && !fragment.includes("=")) return;
    const told = new URLSearchParams(fragment);
    state.q = search.value = told.get("q") ?? "";
    state.by = Math.max(0, heads.findIndex((head) => head.textContent === told.get("by")));
    state.up = told.has("up");
    draw();
  };

  $("nav form").hidden = false;
  // What sticks below the way around has to know its height.
  const nav = $("nav");
  new ResizeObserver(() => {
    const sticks = getComputedStyle(nav).position === "sticky";
    document.documentElement.style.setProperty("--nav", (sticks ? nav.offsetHeight : 0) + "px");
  }).observe(nav);
  $("nav form").addEventListener("submit", (event) => event.preventDefault());
  search.addEventListener("input", () => {
    state.q = search.value.trim();
    write();
  });
  addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.matches("input, select");
    if (event.key === "/" && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
      event.preventDefault();
      search.focus();
      search.select();
    }
  });
  if (table) {
    $(".order").hidden = false;
    by.addEventListener("change", () => {
      Object.assign(state, { by: Number(by.value), up: false });
      write();
    });
    for (const head of heads) {
      sortable(head, () => {
        const column = Number(head.dataset.by);
        Object.assign(state, { by: column, up: state.by === column && !state.up });
        write();
      });
    }
    $("#all").addEventListener("click", () => {
      const shut = rows.filter((row) => !row.hidden && !$("details", row).open);
      const visible = rows.filter((row) => !row.hidden);
      for (const row of visible) $("details", row).open = shut.length > 0;
    });
  }
  addEventListener("hashchange", read);
  read();

  // Closed details do not print: the tables behind the plots, and the first statements.
  addEventListener("beforeprint", () => {
    for (const details of $$("main section > details")) details.open = true;
    for (const row of [...(table?.tBodies ?? [])].filter((row) => !row.hidden).slice(0, 20)) $("details", row).open = true;
  });
})();
