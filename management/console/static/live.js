// Live rows: pushed by the server, bounded here, stopped by a button or by looking elsewhere.
(() => {
  "use strict";
  const bar = document.getElementById("live");
  if (!bar || !window.EventSource) return;
  const MAX_ROWS = 100;
  const CAUGHT_UP_AFTER_MS = [0, 2500]; // the log is a moment behind what happens
  const state = document.getElementById("live-state");
  const rate = document.getElementById("live-rate");
  const pause = document.getElementById("live-pause");
  let source = null;
  let paused = false;
  let leftOut = 0;

  const counted = (number, word) => `${number.toLocaleString("en")} ${word}${number === 1 ? "" : "s"}`;
  const narrow = () => document.getElementById("records")?.dataset.narrow === "yes";
  function say(text, tone) {
    state.className = `mark ${tone}`;
    if (state.textContent !== text) state.textContent = text;
  }
  function table() {
    const found = document.querySelector("#records .records");
    const box = found?.closest(".scroll");
    if (box?.hidden) { // the first row of a webhook that had none
      document.querySelector("#records .empty")?.remove();
      box.hidden = false;
    }
    return found;
  }
  // Rows by their time, one for each delivery: a newer attempt takes the place of the one before.
  function add(records, rows) {
    for (const row of rows) {
      const there = [...records.tBodies].find((each) => each.dataset.delivery === row.dataset.delivery);
      if (there && (+there.dataset.at >= +row.dataset.at || there.contains(document.activeElement))) continue;
      there?.remove();
      const older = [...records.tBodies].find((each) => +each.dataset.at <= +row.dataset.at);
      records.insertBefore(row, older || null);
      htmx.process(row);
    }
    for (const old of [...records.tBodies].slice(MAX_ROWS)) {
      if (!old.contains(document.activeElement)) old.remove();
    }
  }
  // What happened while the stream was not open: between this page and it, in a pause, elsewhere.
  async function catchUp() {
    try {
      const answer = await fetch(location.pathname, { headers: { "HX-Request": "true", "X-Portcall-Poll": "1" } });
      if (!answer.ok || narrow()) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const rows = [...page.querySelectorAll("#records tbody.record")];
      const records = rows.length ? table() : null;
      if (records) add(records, rows.map((row) => document.adoptNode(row)));
      window.portcall.age();
    } catch {
      // The stream goes on all the same.
    }
  }
  function take(update) {
    const records = table();
    if (!records || narrow()) return;
    if (records.querySelector('[aria-expanded="true"]')) { // nobody's reading is pushed away
      leftOut += update.attempts;
      rate.textContent = `${counted(leftOut, "row")} left out while a record is open`;
      return;
    }
    const holder = document.createElement("template");
    holder.innerHTML = `<table>${update.rows}</table>`;
    add(records, [...holder.content.querySelectorAll("tbody")]);
    leftOut += update.left_out;
    const shown = `${update.attempts} new/s`; // an update comes once a second
    rate.textContent = leftOut ? `${shown}, ${counted(leftOut, "row")} left out` : shown;
    window.portcall.age();
  }
  function start() {
    if (source || paused || narrow()) return;
    source = new EventSource(bar.dataset.source);
    source.addEventListener("open", () => {
      say("Live", "good");
      for (const later of CAUGHT_UP_AFTER_MS) setTimeout(catchUp, later);
    });
    source.addEventListener("rows", (event) => take(JSON.parse(event.data)));
    source.addEventListener("end", (event) => {
      stop();
      say(`Ended: ${event.data}`, "warn");
    });
    source.onerror = () => {
      if (!source) return;
      if (source.readyState === EventSource.CLOSED) {
        source = null;
        say("Not live: the records cannot be followed now", "warn");
        setTimeout(start, 10000);
      } else say("Connecting …", "mute");
    };
  }
  function stop() {
    source?.close();
    source = null;
  }
  function settle() {
    pause.hidden = narrow();
    if (narrow()) {
      stop();
      say("Filtered: not live", "mute");
      rate.textContent = "";
    } else if (paused) {
      stop();
      say("Live view paused", "warn");
      rate.textContent = "";
    } else start();
  }
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));
    leftOut = 0;
    settle();
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "records") settle();
    // A ping has ended, perhaps before the page was live: its row is in the log now.
    else if (event.target.id === "ping" && !event.target.hasAttribute("hx-get")) {
      htmx.trigger("#record-filter", "submit");
    }
  });
  document.addEventListener("click", (event) => { // the last record that was open is closed
    if (!event.target.closest("[data-open]")) return;
    setTimeout(() => {
      if (!source || document.querySelector(`#records [aria-expanded="true"]`)) return;
      leftOut = 0;
      rate.textContent = "";
      catchUp();
    });
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
    else settle();
  });
  window.addEventListener("pagehide", stop);
  bar.hidden = false;
  settle();
})();
