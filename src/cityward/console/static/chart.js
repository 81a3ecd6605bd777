// The chart island: reads the numbers from the page; the table below each chart says the same.
(() => {
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  const tongue = document.documentElement.lang;

  function frame() {
    const short = (day) => new Date(`${day}T12:00`).toLocaleDateString(tongue === "en" ? "en-GB" : tongue, { day: "numeric", month: "short" });
    const axis = { axisLabel: { color: colour("--soft"), hideOverlap: true }, axisLine: { lineStyle: { color: colour("--line") } } };
    return {
      aria: { enabled: true, label: { enabled: false }, decal: { show: true } }, animation: false, textStyle: { fontFamily: "system-ui, sans-serif" },
      grid: { left: 40, right: 24, top: 34, bottom: 32 },
      tooltip: { trigger: "axis", backgroundColor: colour("--ground"), borderColor: colour("--line"), textStyle: { color: colour("--ink") } },
      legend: { textStyle: { color: colour("--ink"), fontSize: 13 }, left: 32, top: 0, itemWidth: 18, itemGap: 28 },
      xAxis: { type: "category", ...axis, axisLabel: { ...axis.axisLabel, formatter: short } },
      yAxis: { type: "value", min: 0, minInterval: 1, ...axis, splitLine: { lineStyle: { color: colour("--line") } } },
    };
  }

  // A band is two stacked lines: the lower one is not drawn, the upper one is as high as the band is wide.
  function band(name, low, high, step = false, stack = "band", opacity = 0.3) {
    const line = { type: "line", stack, step, lineStyle: { opacity: 0 }, showSymbol: false };
    const width = high.map((value, i) => (value === null ? null : value - low[i]));
    return [
      { ...line, name: "low", data: low, tooltip: { show: false } },
      { ...line, name, data: width, tooltip: { valueFormatter: (_, i) => `${low[i]}–${high[i]}` }, areaStyle: { color: colour("--s4"), opacity }, itemStyle: { color: colour("--s4") } },
    ];
  }

  const kinds = {
    need(data, words) {
      const base = frame();
      base.xAxis.data = data.days;
      base.legend.data = [words.reports, words.expected, { name: words.usual, icon: "rect" }];
      base.series = [
        ...band(words.usual, data.low, data.high, "middle"),
        { name: words.reports, type: "bar", data: data.observed, itemStyle: { color: colour("--s4") },
          markArea: { silent: true, itemStyle: { color: colour("--alarm"), opacity: 0.09 }, data: [[{ xAxis: data.starts }, { xAxis: data.days.at(-1) }]] } },
        { name: words.expected, type: "line", data: data.expected, showSymbol: false, lineStyle: { color: colour("--ink"), width: 2, type: "dashed" }, itemStyle: { color: colour("--ink") } },
      ];
      return base;
    },
    sensor(data, words) {
      const base = frame();
      base.xAxis.data = data.hours;
      base.xAxis.axisLabel.formatter = (text) => text.split(",")[0].replace(/ (de )?\d{4}$/, "");
      base.legend.data = [words.mean, { name: words.usual, icon: "rect" }];
      const line = data.limit === null ? undefined : { silent: true, symbol: "none", lineStyle: { color: colour("--alarm"), type: "dashed", width: 2 }, label: { formatter: words.level, position: "insideEndTop", color: colour("--alarm") }, data: [{ yAxis: data.limit }] };
      const round = (values) => values.map((value) => (value === null ? null : Math.round(value * 10) / 10));
      base.series = [
        ...band(words.usual, round(data.low), round(data.high)),
        { name: words.mean, type: "line", data: round(data.mean), showSymbol: false, lineStyle: { color: colour("--ink"), width: 1.5 }, itemStyle: { color: colour("--ink") }, markLine: line },
      ];
      return base;
    },
    fan(data, words) {
      const base = frame();
      const gap = data.past.map(() => null);
      base.xAxis.data = [...data.past_days, ...data.days];
      base.grid.top = 58; // on a phone the legend has two lines
      base.legend.itemGap = 14;
      base.legend.data = [words.reports, words.expected, { name: words.likely, icon: "rect" }, ...(data.floor.length ? [words.again] : [])];
      const after = (values) => [...gap, ...values];
      base.series = [
        { name: words.reports, type: "bar", data: data.past, itemStyle: { color: colour("--s3") } },
        ...band(words.likely, after(data.low), after(data.high)),
        { name: words.again, type: "line", data: after(data.floor), showSymbol: false, lineStyle: { color: colour("--soft"), width: 1.5, type: "dotted" }, itemStyle: { color: colour("--soft") } },
        { name: words.expected, type: "line", data: after(data.mean), showSymbol: false, lineStyle: { color: colour("--ink"), width: 2 }, itemStyle: { color: colour("--ink") } },
      ];
      return base;
    },
    exceeded(data, words) {
      const base = frame();
      const short = new Intl.NumberFormat(tongue, { notation: "compact", maximumFractionDigits: 1 });
      const told = (value) => `${data.unit} ${short.format(value)}`.trim();
      base.grid.left = 64;
      base.xAxis.data = data.years;
      base.xAxis.axisLabel.formatter = (years) => years;
      base.xAxis.name = words.years;
      base.xAxis.nameLocation = "middle";
      base.xAxis.nameGap = 26;
      base.xAxis.nameTextStyle = { color: colour("--soft") };
      base.grid.bottom = 46;
      base.yAxis.axisLabel.formatter = told;
      base.tooltip.formatter = (items) => words.once.replace("{years}", items[0].axisValue).replace("{value}", () => told(data.value[items[0].dataIndex]));
      base.legend.data = [words.exceeded, { name: words.wide, icon: "rect" }];
      base.legend.itemGap = 14;
      base.grid.top = 58; // on a phone the legend has two lines
      base.series = [
        ...band(words.wide, data.low, data.high),
        { name: words.exceeded, type: "line", data: data.value, showSymbol: false, lineStyle: { color: colour("--ink"), width: 2 }, itemStyle: { color: colour("--ink") } },
      ];
      return base;
    },
    outcome(data, words) {
      const base = frame();
      const line = (name, values, type, width) => ({ name, type: "line", data: values, showSymbol: false, lineStyle: { color: colour("--ink"), width, type }, itemStyle: { color: colour("--ink") } });
      base.xAxis.data = data.days;
      base.grid.top = 58; // on a phone the legend has two lines
      base.legend.itemGap = 14;
      base.legend.data = [words.reports, words.fading, { name: words.interval, icon: "rect" }, words.going];
      base.series = [
        ...band(words.interval, data.low, data.high, "middle"),
        { name: words.reports, type: "bar", data: data.observed, itemStyle: { color: colour("--s4") },
          markLine: { silent: true, symbol: "none", label: { show: false }, lineStyle: { color: colour("--alarm"), type: "solid", width: 2 }, data: [{ xAxis: data.action }] } },
        line(words.fading, data.fading, "dashed", 2),
        line(words.going, data.going, "dotted", 1.5),
      ];
      return base;
    },
  };

  for (const box of document.querySelectorAll("[data-chart]")) {
    const data = JSON.parse(document.getElementById(box.dataset.chart).textContent);
    const chart = echarts.init(box, null, { renderer: "svg" });
    chart.setOption(kinds[data.kind](data, data.words));
    new ResizeObserver(() => chart.resize()).observe(box);
    box.dataset.ready = "yes";
  }
})();
