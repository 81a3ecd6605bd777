// A slider that says its value, and cases that can be dragged. The page does all of it without this file too: a form
// with a button, and two selects.
(() => {
  const slider = document.getElementById("floor");
  slider?.addEventListener("input", () => { document.getElementById("floor-value").textContent = Number(slider.value).toFixed(2); });

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
