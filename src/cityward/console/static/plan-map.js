// The plan island: a map of crews and their tours. The lists on the page say the same.
import * as maplibregl from "/static/vendor/maplibre-gl.mjs";

maplibregl.setWorkerUrl("/static/vendor/maplibre-gl-worker.mjs");

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const paths = {
  circle: (pen, r) => pen.arc(r, r, r - 1, 0, 2 * Math.PI),
  square: (pen, r) => pen.rect(1.5, 1.5, 2 * r - 3, 2 * r - 3),
  triangle: (pen, r) => { pen.moveTo(r, 0); pen.lineTo(2 * r, 2 * r - 1); pen.lineTo(0, 2 * r - 1); pen.closePath(); },
  diamond: (pen, r) => { pen.moveTo(r, 0); pen.lineTo(2 * r, r); pen.lineTo(r, 2 * r); pen.lineTo(0, r); pen.closePath(); },
};

function sign({ shape, colour: at, number }) {
  const r = 26, canvas = document.createElement("canvas");
  canvas.width = canvas.height = 2 * r;
  const pen = canvas.getContext("2d");
  pen.beginPath();
  paths[shape](pen, r);
  pen.fillStyle = colour(`--c${at}`);
  pen.fill();
  pen.lineWidth = 3;
  pen.strokeStyle = colour("--ground");
  pen.stroke();
  pen.fillStyle = colour("--on-crew");
  pen.font = "700 24px system-ui, sans-serif";
  pen.textAlign = "center";
  pen.fillText(number, r, shape === "triangle" ? r + 16 : r + 9);
  return pen.getImageData(0, 0, 2 * r, 2 * r);
}

const crewColour = ["match", ["get", "colour"], ...[1, 2, 3, 4, 5].flatMap((at) => [at, `--c${at}`]), "--soft"];
const painted = () => crewColour.map((part) => (typeof part === "string" && part.startsWith("--") ? colour(part) : part));
const only = (kind) => ["==", ["get", "kind"], kind];

async function draw(box) {
  const [areas, tours] = await Promise.all([box.dataset.areas, box.dataset.tours].map(async (url) => (await fetch(url)).json()));
  const all = new maplibregl.LngLatBounds();
  for (const f of tours.features) if (f.geometry.type === "Point") all.extend(f.geometry.coordinates);
  const map = new maplibregl.Map({
    container: box, attributionControl: false, locale: JSON.parse(document.body.dataset.map ?? "{}"), dragRotate: false, pitchWithRotate: false, cooperativeGestures: true,
    style: { version: 8, sources: {}, layers: [{ id: "ground", type: "background", paint: { "background-color": colour("--map") } }] },
    ...(all.isEmpty() ? {} : { bounds: all, fitBoundsOptions: { padding: 28 } }),
  });
  map.addControl(new maplibregl.NavigationControl({ showCompass: false }));
  map.touchZoomRotate.disableRotation();
  map.on("load", () => {
    map.addSource("areas", { type: "geojson", data: areas });
    map.addSource("tours", { type: "geojson", data: tours });
    map.addLayer({ id: "areas", type: "fill", source: "areas", paint: { "fill-color": colour("--s1"), "fill-outline-color": colour("--line") } });
    map.addLayer({ id: "tours", type: "line", source: "tours", filter: only("tour"), paint: { "line-color": painted(), "line-width": 1.6, "line-opacity": 0.75 } });
    map.addLayer({ id: "lit", type: "line", source: "tours", filter: ["==", ["get", "crew"], ""], paint: { "line-color": colour("--ink"), "line-width": 4 } });
    map.addLayer({ id: "waits", type: "circle", source: "tours", filter: only("waits"), paint: { "circle-radius": 3, "circle-color": colour("--map"), "circle-stroke-width": 1.5, "circle-stroke-color": colour("--soft") } });
    map.addLayer({ id: "visits", type: "circle", source: "tours", filter: only("visit"), paint: { "circle-radius": 3.5, "circle-color": painted() } });
    for (const f of tours.features) if (f.properties.kind === "base") map.addImage(f.properties.crew, sign(f.properties), { pixelRatio: 2 });
    map.addLayer({ id: "bases", type: "symbol", source: "tours", filter: only("base"), layout: { "icon-image": ["get", "crew"], "icon-allow-overlap": true } });
    const light = (crew) => map.setFilter("lit", ["all", only("tour"), ["==", ["get", "crew"], crew]]);
    for (const one of document.querySelectorAll("[data-crew]")) {
      for (const name of ["mouseenter", "focusin", "toggle"]) one.addEventListener(name, () => light(one.dataset.crew));
    }
    const popup = new maplibregl.Popup({ closeButton: false, closeOnClick: false });
    for (const layer of ["visits", "waits", "bases"]) {
      map.on("mousemove", layer, (event) => {
        const p = event.features[0].properties;
        popup.setLngLat(event.lngLat).setText(p.told).addTo(map);
        if (p.crew) light(p.crew);
      });
      map.on("mouseleave", layer, () => popup.remove());
    }
    box.dataset.ready = "yes";
  });
}

function unavailable(box) {
  box.hidden = true;
  document.getElementById("map-note").hidden = false;
}

const box = document.getElementById("plan-map");
if (box) {
  const probe = document.createElement("canvas").getContext("webgl2");
  if (probe) draw(box).catch(() => unavailable(box));
  else unavailable(box);
}
