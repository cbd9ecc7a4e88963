"use strict";
(() => {
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const root = document.documentElement;

  function color(name) {
    return getComputedStyle(root).getPropertyValue(name).trim();
  }

  function themed() {
    const axis = { gridcolor: color("--rule"), zerolinecolor: color("--soft"), linecolor: color("--rule") };
    const look = { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", "font.color": color("--ink") };
    Object.assign(look, { "modebar.bgcolor": "rgba(0,0,0,0)", "modebar.color": color("--soft") });
    for (const name of ["xaxis", "yaxis"]) {
      for (const [key, value] of Object.entries(axis)) look[`${name}.${key}`] = value;
    }
    return look;
  }

  function dress(layout) {
    for (const [path, value] of Object.entries(themed())) {
      const [name, key] = path.split(".");
      if (key === undefined) layout[name] = value;
      else layout[name] = { ...layout[name], [key]: value };
    }
    return layout;
  }

  function recolor(place, more) {
    const look = { ...themed(), ...more };
    if (chartOf(place).layout.updatemenus) {
      look["updatemenus[0].bgcolor"] = color("--raised");
      look["updatemenus[0].bordercolor"] = color("--rule");
    }
    Plotly.relayout(place, look);
  }

  function chartOf(place) {
    return charts[place.id.slice("chart-".length)];
  }

  const undrawn = new Set();

  function draw(place) {
    if (!undrawn.delete(place)) return;
    near.unobserve(place);
    const chart = chartOf(place);
    const menus = chart.layout.updatemenus || [];
    for (const menu of menus) Object.assign(menu, { bgcolor: color("--raised"), bordercolor: color("--rule") });
    const title = { ...chart.layout.title, font: { size: 15 }, x: 0, xanchor: "left", yref: "container", y: 0.98 };
    const margin = { l: 60, r: 20, t: menus.length ? 96 : 56, b: 56 };
    const layout = { ...chart.layout, title, margin, dragmode: false };
    if (layout.showlegend && place.clientWidth < 640) {
      layout.legend = { ...layout.legend, orientation: "h", yref: "container", y: 0, yanchor: "bottom" };
      margin.b = 120;
    }
    const saved = { format: "png", filename: place.id, scale: 3 };
    const options = { responsive: true, displaylogo: false, modeBarButtons: [["toImage"]], toImageButtonOptions: saved };
    Plotly.newPlot(place, chart.data, dress(layout), options);
    place.on("plotly_buttonclicked", () => recolor(place));
  }

  // A chart takes tens of milliseconds to draw: those that nobody sees yet are drawn when they come near, or for print.
  const ahead = 1000;
  const near = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) if (entry.isIntersecting) draw(entry.target);
    },
    { rootMargin: `${ahead}px` },
  );
  const places = [...document.querySelectorAll(".chart")];
  for (const place of places) {
    place.style.minHeight = `${chartOf(place).layout.height || 450}px`;
    undrawn.add(place);
  }
  for (const place of places) {
    const { top, width } = place.getBoundingClientRect();
    if (width > 0 && top < innerHeight + ahead) draw(place);
    else near.observe(place);
  }

  function restyle() {
    for (const place of places) if (!undrawn.has(place)) recolor(place);
  }

  document.getElementById("theme").addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    restyle();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);

  // A browser lays out for paper what stands, and draws no chart anew: a wide one would shrink the whole page, and two
  // tall ones would not share a sheet.
  const paper = { width: 680, tall: 400, less: 0.85 };
  let before = null;
  addEventListener("beforeprint", () => {
    if (before !== null) return;
    const folded = [...document.querySelectorAll("details:not([open])")];
    for (const each of folded) each.open = true;
    for (const place of places) draw(place);
    before = { theme: root.dataset.theme, folded, heights: places.map((place) => place.layout.height) };
    root.dataset.theme = "light";
    for (const place of places) {
      const height = place.offsetHeight;
      const size = { width: paper.width, height: height > paper.tall ? paper.less * height : height };
      recolor(place, { ...size, autosize: false });
    }
  });
  addEventListener("afterprint", () => {
    for (const each of before.folded) each.open = false;
    if (before.theme) root.dataset.theme = before.theme;
    else delete root.dataset.theme;
    for (const [at, place] of places.entries()) {
      recolor(place, { width: null, height: before.heights[at] ?? null, autosize: true });
    }
    before = null;
  });
})();
