// The map island: polygons of the city, served by the city. The table beside it says the same.
import * as maplibregl from "/static/vendor/maplibre-gl.mjs";

maplibregl.setWorkerUrl("/static/vendor/maplibre-gl-worker.mjs");

const box = document.getElementById("map");
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function hatch(ink) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 8;
  const pen = canvas.getContext("2d");
  pen.strokeStyle = ink;
  pen.lineWidth = 1.4;
  for (const shift of [-8, 0, 8]) { pen.moveTo(shift, 8); pen.lineTo(shift + 8, 0); }
  pen.stroke();
  return pen.getImageData(0, 0, 8, 8);
}

function steps(features) {
  const rates = features.map((f) => f.properties.rate).filter((r) => r !== null).sort((a, b) => a - b);
  const cuts = [0.2, 0.4, 0.6, 0.8].map((q) => rates[Math.floor(q * rates.length)] ?? 0);
  const expression = ["step", ["coalesce", ["get", "rate"], -1], colour("--map"), 0, colour("--s1")];
  let last = 0;
  cuts.forEach((cut, i) => { if (cut > last) { expression.push(cut, colour(`--s${i + 2}`)); last = cut; } });
  return expression;
}

// Of what places like it let expect: half, four fifths, as much, five quarters, twice.
const heard = () => ["case", ["==", ["get", "ratio"], null], colour("--map"),
  ["step", ["coalesce", ["get", "ratio"], 1], colour("--d1"), 0.5, colour("--d2"), 0.8, colour("--d3"), 1.25, colour("--d4"), 2, colour("--d5")]];
// Tiers of the divide, the deepest darkest.
const tiers = () => ["match", ["coalesce", ["get", "shade"], 0], ...[1, 2, 3, 4, 5].flatMap((s) => [s, colour(`--s${s}`)]), colour("--map")];
const clear = ["in", ["get", "verdict"], ["literal", ["quieter", "more"]]];

function told(place) {
  if (box.dataset.points) return place.name;
  return box.dataset.paint === "heard" ? place.told_heard : place.told;
}

function bounds(features) {
  const all = new maplibregl.LngLatBounds();
  const walk = (c) => (typeof c[0] === "number" ? all.extend(c) : c.forEach(walk));
  features.forEach((f) => walk(f.geometry.coordinates));
  return all;
}

// The need that is shown, or the one that leads the page; another order of needs brings another to the lead.
function mark() {
  const places = box.dataset.show ?? document.querySelector("#lead [data-places]")?.dataset.places ?? "";
  box.dataset.marked = places;
  return new Set(places.split(" ").filter(Boolean));
}

const near = (features, marked) => features.filter((f) => marked.has(f.properties.id));

async function draw() {
  const data = await (await fetch(box.dataset.url)).json();
  const marked = mark();
  const map = new maplibregl.Map({
    container: box, attributionControl: false, locale: JSON.parse(document.body.dataset.map ?? "{}"), dragRotate: false, pitchWithRotate: false, cooperativeGestures: true,
    style: { version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": colour("--map") } }] },
    bounds: bounds(box.dataset.show ? near(data.features, marked) : data.features), fitBoundsOptions: { padding: box.dataset.show ? 60 : 16 },
  });
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }));
  map.touchZoomRotate.disableRotation();
  map.on("load", () => {
    map.addImage("hatch", hatch(colour("--ink")));
    map.addSource("areas", { type: "geojson", data, promoteId: "id" });
    const among = (ids) => ["in", ["get", "id"], ["literal", [...ids]]];
    const silence = box.dataset.paint === "heard";
    map.addLayer({ id: "fill", type: "fill", source: "areas", paint: silence
      ? { "fill-color": heard(), "fill-opacity": ["case", clear, 1, 0.5] } : { "fill-color": box.dataset.paint === "tier" ? tiers() : steps(data.features) } });
    map.addLayer({ id: "quiet", type: "fill", source: "areas", filter: silence ? ["==", ["get", "verdict"], "cannot tell"] : ["get", "quiet"], paint: { "fill-pattern": "hatch" } });
    map.addLayer({ id: "edge", type: "line", source: "areas", paint: { "line-color": colour("--ground"), "line-width": 1 } });
    if (silence) map.addLayer({ id: "clear", type: "line", source: "areas", filter: clear, paint: { "line-color": colour("--ink"), "line-width": 2.5 } });
    map.addLayer({ id: "need", type: "line", source: "areas", filter: among(marked), paint: { "line-color": colour("--alarm"), "line-width": 3 } });
    if (box.dataset.points) sensors(map);
    map.addLayer({ id: "lit", type: "line", source: "areas", filter: among([]), paint: { "line-color": colour("--ink"), "line-width": 3 } });
    box.dataset.ready = "yes";
    const light = (ids) => map.setFilter("lit", among(ids));
    link(document, light);
    document.addEventListener("htmx:after:swap", () => { link(document, light); map.setFilter("need", among(mark())); });
    const popup = new maplibregl.Popup({ closeButton: false, closeOnClick: false });
    map.on("mousemove", "fill", (event) => {
      const found = event.features[0].properties;
      light([found.id]);
      popup.setLngLat(event.lngLat).setText(told(found)).addTo(map);
      document.querySelectorAll("tr.lit").forEach((row) => row.classList.remove("lit"));
      document.querySelector(`tr[data-place="${CSS.escape(found.id)}"]`)?.classList.add("lit");
    });
    map.on("mouseleave", "fill", () => { light([]); popup.remove(); });
  });
}

// Sensors: filled when they can be believed, hollow when not, small while they are new, red with an open alert.
function sensors(map) {
  const believed = ["in", ["get", "state"], ["literal", ["alive", "new"]]];
  const ink = ["case", ["get", "alert"], colour("--alarm"), colour("--ink")];
  map.addSource("sensors", { type: "geojson", data: box.dataset.points });
  map.addLayer({ id: "sensors", type: "circle", source: "sensors", paint: {
    "circle-radius": ["case", ["get", "alert"], 7, ["==", ["get", "state"], "new"], 2.5, 5],
    "circle-color": ["case", believed, ink, colour("--ground")],
    "circle-stroke-color": ["case", believed, colour("--ground"), ink], "circle-stroke-width": ["case", ["==", ["get", "state"], "new"], 0.5, 2] } });
  const popup = new maplibregl.Popup({ closeButton: false, closeOnClick: false, offset: 10 });
  map.on("mouseenter", "sensors", (event) => {
    const found = event.features[0].properties;
    popup.setLngLat(event.lngLat).setText(found.told).addTo(map);
  });
  map.on("mouseleave", "sensors", () => popup.remove());
}

function link(root, light) {
  for (const item of root.querySelectorAll("[data-places], tr[data-place]")) {
    const ids = (item.dataset.places ?? item.dataset.place).split(" ");
    for (const name of ["mouseenter", "focus"]) item.addEventListener(name, () => light(ids));
    for (const name of ["mouseleave", "blur"]) item.addEventListener(name, () => light([]));
  }
}

if (box) {
  const probe = document.createElement("canvas").getContext("webgl2");
  if (probe) draw().catch(unavailable);
  else unavailable();
}

function unavailable() {
  box.hidden = true;
  document.getElementById("map-note").hidden = false;
  document.getElementById("map-table")?.setAttribute("open", "");
}
