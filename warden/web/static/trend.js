// Draws the charts of a partner's page from its JSON. Without it the page still says everything in words and tables.
"use strict";

(() => {
  const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000];
  const language = document.documentElement.lang;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function formats(chart, zone) {
    const numbers = chart.unit === "share" ? { style: "percent", maximumFractionDigits: 0 } : { maximumFractionDigits: 1 };
    const number = new Intl.NumberFormat(language, numbers);
    const day = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeZone: zone });
    const isLong = chart.moments.at(-1) - chart.moments[0] > 120 * 86400;
    const tick = new Intl.DateTimeFormat(language, { month: "short", timeZone: zone, ...(isLong ? { year: "numeric" } : { day: "numeric" }) });
    return {
      number: (value) => (value === null || value === undefined ? "–" : number.format(value)),
      day: (seconds) => (seconds === null || seconds === undefined ? "–" : day.format(new Date(seconds * 1000))),
      tick: (seconds) => tick.format(new Date(seconds * 1000)),
    };
  }

  function line(series, index, chart, format) {
    return {
      label: series.label,
      stroke: colour(`--warden-line-${index + 1}`),
      width: index === 0 ? 2.5 : 1.5,
      dash: chart.stepped && index > 0 ? [7 - index, 3] : undefined,
      paths: chart.stepped ? uPlot.paths.stepped({ align: 1 }) : undefined,
      points: { show: false },
      value: (_plot, value) => format.number(value),
    };
  }

  function options(chart, data, width) {
    const format = formats(chart, data.zone);
    const axis = { stroke: colour("--pico-muted-color"), grid: { stroke: colour("--pico-table-border-color"), width: 1 }, ticks: { show: false } };
    return {
      width,
      height: 230,
      scales: { y: { range: (_plot, _low, high) => [0, chart.unit === "share" ? Math.max(high, 0.1) * 1.1 : Math.max(high, 1) * 1.1] } },
      axes: [
        { ...axis, space: 90, values: (_plot, ticks) => ticks.map(format.tick) },
        { ...axis, size: 56, incrs: chart.unit === "share" ? undefined : WHOLE, values: (_plot, ticks) => ticks.map(format.number) },
      ],
      series: [{ label: data.time, value: (_plot, value) => format.day(value) }, ...chart.series.map((series, index) => line(series, index, chart, format))],
    };
  }

  function draw(place, data) {
    place.replaceChildren();
    for (const chart of data.charts) {
      const title = document.createElement("h3");
      title.className = "chart-title";
      title.textContent = chart.title;
      const canvas = document.createElement("div");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", chart.title);
      place.append(title, canvas);
      const plot = new uPlot(options(chart, data, place.clientWidth), [chart.moments, ...chart.series.map((series) => series.values)], canvas);
      new ResizeObserver(() => plot.setSize({ width: place.clientWidth, height: 230 })).observe(place);
    }
  }

  async function load(place) {
    const answer = await fetch(place.dataset.address, { headers: { Accept: "application/json" } });
    if (!answer.ok) {
      place.textContent = place.dataset.failed;
      return;
    }
    const data = await answer.json();
    draw(place, data);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => draw(place, data));
  }

  document.querySelectorAll("[data-address]").forEach(load);
})();
