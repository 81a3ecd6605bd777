// A slider that says its value, and cases that can be dragged. The page does all of it without this file too: a form
// with a button, and two selects.
(() => {
  const slider = document.getElementById("floor");
  const price = document.getElementById("floor-price");
  const rows = [...document.querySelectorAll("tr[data-floor]")].filter((row) => row.dataset.floor && row.dataset.met === "yes")
    .map((row) => ({ floor: Number(row.dataset.floor), extra: Number(row.dataset.extra) })).sort((a, b) => a.floor - b.floor);

  const words = JSON.parse(price?.dataset.words ?? "{}");
  const say = (name, values) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const written = (value, digits) => value.toLocaleString(document.documentElement.lang, { minimumFractionDigits: digits, maximumFractionDigits: digits });

  // A floor between two that were priced costs no more than the stricter of them, and no less than the looser.
  function cost(floor) {
    const strict = rows.filter((one) => one.floor <= floor).at(-1), loose = rows.find((one) => one.floor >= floor);
    if (!strict) return say("none", { floor: written(floor, 2), strictest: written(rows[0].floor, 2) });
    const most = strict.extra, least = loose ? loose.extra : 0;
    const values = { floor: written(floor, 2), most: written(most, 1), least: written(least, 1) };
    if (values.most === values.least) return say(most < 0.05 ? "free" : "exactly", values);
    return say(least < 0.05 ? "most" : "between", values);
  }

  slider?.addEventListener("input", () => {
    document.getElementById("floor-value").textContent = written(Number(slider.value), 2);
    if (price && rows.length) price.textContent = cost(Number(slider.value));
  });

  // A dragged case fills the form; who moves it and why is still asked.
  let held = null;
  for (const row of document.querySelectorAll("tr[draggable]")) {
    row.addEventListener("dragstart", (event) => { held = row.dataset.job; event.dataTransfer.setData("text/plain", held); event.dataTransfer.effectAllowed = "move"; });
    row.addEventListener("dragend", () => { held = null; });
  }
  for (const crew of document.querySelectorAll("[data-crew]")) {
    crew.addEventListener("dragover", (event) => { if (held) { event.preventDefault(); crew.classList.add("over"); } });
    crew.addEventListener("dragleave", () => crew.classList.remove("over"));
    crew.addEventListener("drop", (event) => {
      event.preventDefault();
      crew.classList.remove("over");
      const form = document.getElementById("move");
      if (!held || !form) return;
      form.elements.job.value = held;
      form.elements.crew.value = crew.dataset.crew;
      form.scrollIntoView({ block: "center" });
      form.elements.by.focus();
    });
  }
})();
