// A slider that says its value, and cases that can be dragged. The page does all of it without this file too: a form
// with a button, and two selects.
(() => {
  const slider = document.getElementById("floor");
  const price = document.getElementById("floor-price");
  const rows = [...document.querySelectorAll("tr[data-floor]")].filter((row) => row.dataset.floor && row.dataset.met === "yes")
    .map((row) => ({ floor: Number(row.dataset.floor), extra: Number(row.dataset.extra) })).sort((a, b) => a.floor - b.floor);

  // A floor between two that were priced costs no more than the stricter of them, and no less than the looser.
  function cost(floor) {
    const days = (extra) => (extra < 0.05 ? "no" : extra.toLocaleString("en", { minimumFractionDigits: 1, maximumFractionDigits: 1 }));
    const strict = rows.filter((one) => one.floor <= floor).at(-1), loose = rows.find((one) => one.floor >= floor);
    if (!strict) return `No plan was found that holds ${floor.toFixed(2)}; the strictest is ${rows[0].floor.toFixed(2)}.`;
    const most = days(strict.extra), least = days(loose ? loose.extra : 0);
    const told = most === least ? `costs ${most}` : `costs ${least === "no" ? "at most" : `${least} to`} ${most}`;
    return `A floor of ${floor.toFixed(2)} ${told} ${most === "1.0" ? "day" : "days"} of waiting in all.`;
  }

  slider?.addEventListener("input", () => {
    document.getElementById("floor-value").textContent = Number(slider.value).toFixed(2);
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
