"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const digits = (value, most) => value.toLocaleString("en", { maximumFractionDigits: most });
  const words = {
    count: (v) => digits(v, 0),
    rate: (v) => digits(v, v < 10 ? 1 : 0) + "/s",
    us: (v) => (v < 1e6 ? digits(v / 1e3, v < 1e4 ? 2 : v < 1e5 ? 1 : 0) + " ms" : digits(v / 1e6, 2) + " s"),
    share: (v) => digits(v * 100, 1) + " %",
  };
  const pad = (n) => String(n).padStart(2, "0");
  const clock = (s) =>
    s < 3600
      ? `${Math.floor(s / 60)}:${pad(s % 60)}`
      : `${Math.floor(s / 3600)}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`;

  // One moment is read in all plots over time at once.
  const plots = Object.entries(data.plots).map(([id, series]) => {
    const svg = document.getElementById(id);
    const figure = svg.closest("figure");
    const cross = document.createElementNS("http://www.w3.org/2000/svg", "path");
    cross.setAttribute("class", "cross");
    svg.append(cross);
    return {
      svg,
      series,
      cross,
      height: svg.viewBox.baseVal.height,
      outputs: figure.querySelectorAll("output"),
      moment: figure.querySelector(".moment"),
    };
  });
  let shown = null;
  const show = (point) => {
    shown = point;
    for (const plot of plots) {
      plot.moment.hidden = point === null;
      plot.series.forEach((series, i) => {
        const value = point === null ? null : series.values[point];
        plot.outputs[i].textContent = point === null ? "" : value === null ? "–" : words[series.unit](value);
      });
      if (point === null) {
        plot.cross.setAttribute("d", "");
        continue;
      }
      plot.moment.textContent = "at " + clock(point * data.bucket);
      const middle = Math.min((point + 0.5) * data.bucket, data.seconds) / data.seconds;
      const x = data.left + middle * (data.right - data.left);
      plot.cross.setAttribute("d", `M${x.toFixed(1)} ${data.top}V${plot.height - data.bottom}`);
    }
  };
  const clamp = (point) => Math.max(0, Math.min(data.points - 1, point));
  for (const { svg } of plots) {
    svg.setAttribute("tabindex", "0");
    const follow = (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * data.width;
      const second = ((x - data.left) / (data.right - data.left)) * data.seconds;
      show(clamp(Math.floor(second / data.bucket)));
    };
    svg.addEventListener("pointermove", follow);
    svg.addEventListener("pointerdown", follow);
    svg.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && show(null));
    svg.addEventListener("blur", () => show(null));
    svg.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -1e9, End: 1e9 }[event.key];
      if (step !== undefined) {
        event.preventDefault();
        show(clamp((shown ?? (step > 0 ? -1 : data.points)) + step));
      } else if (event.key === "Escape") {
        show(null);
      }
    });
  }

  const number = (cell) => {
    const text = cell.dataset.v ?? cell.textContent.replaceAll(",", "");
    return text.trim() === "" || Number.isNaN(Number(text)) ? null : Number(text);
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    if (!body || body.rows.length < 2) {
      continue;
    }
    const original = [...body.rows];
    const heads = [table.tHead.rows[0].cells[0], ...table.tHead.rows[1].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      if (head.dataset.of) {
        button.setAttribute("aria-label", head.dataset.of + " " + head.textContent);
      }
      head.replaceChildren(button);
      // Greatest first, then smallest first, then as it was.
      button.addEventListener("click", () => {
        const next = { descending: "ascending", ascending: null }[head.getAttribute("aria-sort")];
        const order = next === undefined ? "descending" : next;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        let rows = [...original];
        if (order) {
          head.setAttribute("aria-sort", order);
          const sign = order === "ascending" ? 1 : -1;
          const key = (row) => row.cells[column];
          rows.sort((a, b) => {
            const [x, y] = [number(key(a)), number(key(b))];
            const by = x !== null && y !== null ? x - y : key(a).textContent.localeCompare(key(b).textContent);
            return sign * by;
          });
        }
        body.append(...rows);
      });
    });
  }

  // Closed details do not print.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((d) => (d.open = true)));
})();
