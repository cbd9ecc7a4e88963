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

  function drawn(place) {
    const chart = charts[place.id.slice("chart-".length)];
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
    return Plotly.newPlot(place, chart.data, layout, options).then(() => {
      place.on("plotly_buttonclicked", () => Plotly.relayout(place, themed()));
      return Plotly.relayout(place, themed());
    });
  }

  const places = [...document.querySelectorAll(".chart")];
  for (const place of places) drawn(place);

  function restyle() {
    for (const place of places) Plotly.relayout(place, themed());
  }

  document.getElementById("theme").addEventListener("click", () => {
    const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = isDark ? "light" : "dark";
    restyle();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", restyle);
  addEventListener("beforeprint", () => {
    for (const folded of document.querySelectorAll("details")) folded.open = true;
  });
})();
