// The map of the results: land, and a mark for each place that leads to what is there. Its twin is the list below.
"use strict";

(() => {
  const place = document.getElementById("map");
  const found = document.getElementById("places");
  if (!place || !found) return;
  const features = JSON.parse(found.textContent).features;
  const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  function cannot() {
    const said = document.createElement("p");
    said.className = "said";
    said.textContent = place.dataset.dark;
    place.replaceWith(said);
  }

  // What lies at one point stands in one mark.
  function gathered() {
    const at = new Map();
    for (const feature of features) {
      const key = feature.geometry.coordinates.join();
      at.set(key, [...(at.get(key) || []), feature]);
    }
    return [...at.values()];
  }

  function listOf(group) {
    const list = document.createElement("ul");
    for (const { properties } of group) {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = properties.href;
      link.textContent = properties.name;
      link.dir = "auto";
      if (properties.lang) link.lang = properties.lang;
      item.append(link);
      list.append(item);
    }
    return list;
  }

  function mark(map, group) {
    const pin = document.createElement("button");
    pin.type = "button";
    pin.className = group.length > 1 ? "pin many" : "pin";
    if (group.length > 1) pin.textContent = String(group.length);
    pin.setAttribute("aria-label", group.map((one) => one.properties.name).join(", ").slice(0, 200));
    const popup = new maplibregl.Popup({ maxWidth: "18rem", offset: 18 }).setDOMContent(listOf(group));
    return new maplibregl.Marker({ element: pin }).setLngLat(group[0].geometry.coordinates).setPopup(popup).addTo(map);
  }

  try {
    maplibregl.setWorkerUrl(place.dataset.worker);
    const map = new maplibregl.Map({
      container: place,
      attributionControl: false,
      cooperativeGestures: false,
      dragRotate: false,
      fadeDuration: 0,
      maxZoom: 12,
      style: {
        version: 8,
        sources: { land: { type: "geojson", data: place.dataset.land, attribution: "" } },
        layers: [
          { id: "water", type: "background", paint: { "background-color": token("--mist") } },
          { id: "land", type: "fill", source: "land", paint: { "fill-color": token("--paper"), "fill-outline-color": token("--line") } },
        ],
      },
    });
    map.touchZoomRotate.disableRotation();
    map.addControl(new maplibregl.NavigationControl({ showCompass: false }));
    const bounds = new maplibregl.LngLatBounds();
    for (const group of gathered()) {
      mark(map, group);
      bounds.extend(group[0].geometry.coordinates);
    }
    if (!bounds.isEmpty()) map.fitBounds(bounds, { padding: 48, maxZoom: 9, animate: false });
    map.once("idle", () => place.setAttribute("data-drawn", String(features.length)));
  } catch {
    cannot();
  }
})();
