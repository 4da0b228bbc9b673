// What every page does: the theme, times that age, copying, rows that open, fields that are wrong.
(() => {
  "use strict";
  const byId = (id) => document.getElementById(id);

  const THEMES = ["system", "light", "dark"];
  function themeNow() {
    return document.documentElement.dataset.theme || "system";
  }
  function nameTheme() {
    const button = byId("theme");
    if (!button) return;
    const words = { system: "as the system", light: "light", dark: "dark" };
    button.title = `Theme: ${words[themeNow()]}`;
    button.setAttribute("aria-label", button.title);
  }
  function nextTheme() {
    const next = THEMES[(THEMES.indexOf(themeNow()) + 1) % THEMES.length];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      if (next === "system") localStorage.removeItem("portcall-theme");
      else localStorage.setItem("portcall-theme", next);
    } catch {
      // It lasts as long as this page, then.
    }
    nameTheme();
    document.dispatchEvent(new CustomEvent("portcall:theme"));
  }

  let toastTimer = 0;
  function toast(text, tone = "bad") {
    const box = byId("toast");
    box.textContent = text;
    box.className = `toast ${tone}`;
    box.hidden = false;
    clearTimeout(toastTimer);
    toastTimer = setTimeout(() => { box.hidden = true; }, tone === "good" ? 2500 : 8000);
  }

  async function copy(button) {
    const from = button.dataset.copy ? document.querySelector(button.dataset.copy) : null;
    const text = from ? from.textContent : button.dataset.copyText;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      if (!copyByHand(text)) return toast("The browser does not let pages copy here; select the text instead.");
    }
    toast("Copied", "good");
  }
  function copyByHand(text) { // over plain http there is no clipboard, but for this
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }

  // "3 min ago", as `management.console.words.ago` writes it.
  const UNITS = [[86400, "d"], [3600, "h"], [60, "min"]];
  function ago(at, now) {
    const seconds = Math.floor(Math.abs(now - at) / 1000);
    if (seconds < 1) return "now";
    const unit = UNITS.find(([size]) => seconds >= size);
    const text = unit ? `${Math.floor(seconds / unit[0])} ${unit[1]}` : `${seconds} s`;
    return at > now ? `in ${text}` : `${text} ago`;
  }
  function age() {
    const now = Date.now();
    for (const time of document.querySelectorAll("time[data-ago]")) {
      const text = ago(Date.parse(time.dateTime), now);
      if (time.textContent !== text) time.textContent = text;
    }
  }

  // The form of a webhook says of the chosen format what its list of all formats says.
  function explainFormat() {
    const all = byId("formats");
    const said = all?.querySelector(`[data-format="${CSS.escape(byId("format").value)}"]`);
    if (said) byId("format-hint").replaceChildren(...said.cloneNode(true).childNodes);
  }
  document.addEventListener("change", (event) => {
    if (event.target.id === "format") explainFormat();
  });
  addEventListener("pageshow", explainFormat); // a browser that goes back fills in what was chosen

  function toggleRow(button) {
    const row = button.closest("tr").nextElementSibling;
    row.hidden = !row.hidden;
    button.setAttribute("aria-expanded", String(!row.hidden));
  }

  function markField(problem) {
    const control = byId(problem.dataset.field);
    if (!control) return;
    if (problem.textContent.trim()) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const row = event.target.closest(".record > tr:not(.detail-row)");
    // A row opens wherever it is clicked; links lead elsewhere, and marked text is to be copied.
    if (row && !button && !event.target.closest("a") && !String(getSelection())) {
      row.querySelector("[data-open]")?.click();
    }
    if (!button) return;
    if (button.id === "theme") nextTheme();
    else if (button.dataset.copy || button.dataset.copyText) copy(button);
    else if ("open" in button.dataset) toggleRow(button);
  });
  document.addEventListener("htmx:afterSettle", (event) => {
    const target = event.target;
    for (const problem of document.querySelectorAll("[data-field]")) markField(problem);
    if (target.id === "charts") return;
    age();
  });
  document.addEventListener("htmx:responseError", (event) => {
    toast(event.detail.xhr.responseText || "That did not work.");
  });
  document.addEventListener("htmx:sendError", () => toast("Portcall cannot be reached."));
  // The code of a link that signs in once: off the address and the history first, then sent.
  function useLink() {
    const code = /^#link=(portcall_link_[\w=-]+)$/.exec(location.hash)?.[1];
    if (!code) return;
    history.replaceState(null, "", location.pathname + location.search);
    const form = document.querySelector("form[data-sign-in]");
    if (!form) return;
    form.elements.token.value = code;
    form.requestSubmit();
  }
  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post") return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 5000);
  });
  // A form that meets an expired session is filled again after the sign-in. Secrets are not kept.
  const KEPT = "portcall-form";
  const FORM = "form.form-card[method=post]";
  function keep(form) {
    const fields = [...new FormData(form)].filter(([name, value]) =>
      typeof value === "string" && !/^csrf$|secret|key$/.test(name) && form.elements[name]?.type !== "password");
    sessionStorage.setItem(KEPT, JSON.stringify({ path: location.pathname, fields }));
  }
  document.addEventListener("submit", (event) => {
    if (event.target.matches(FORM)) keep(event.target);
  });
  document.addEventListener("htmx:beforeOnLoad", (event) => { // a check while typing meets it, too
    const form = document.querySelector(FORM);
    if (event.detail.xhr.status === 401 && form) keep(form);
  });
  const cameFromSignIn = () => /\/console\/sign-in(\?|$)/.test(document.referrer);
  function refill() {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    if (!kept) return;
    const signIn = document.querySelector("form[data-sign-in]");
    if (signIn) {
      byId("kept").hidden = signIn.elements.next.value !== kept.path;
      return;
    }
    sessionStorage.removeItem(KEPT);
    const form = document.querySelector(FORM);
    if (!form || kept.path !== location.pathname || !cameFromSignIn()) return;
    for (const control of form.elements) {
      const values = kept.fields.filter(([name]) => name === control.name).map(([, value]) => value);
      if (control.type === "checkbox" || control.type === "radio") control.checked = values.includes(control.value);
      else if (values.length && control.type !== "hidden") control.value = values[0];
    }
    explainFormat();
    toast("What you had filled in is here again; it is not saved yet.", "news");
  }
  // The tabs of a browser share one session. When one has signed out or in, the others load their page
  // again: that leads to the sign-in page, or from there back. Each tab then has the cookie of the first.
  const LEAVING = "portcall-leaving";
  let leaving = false;
  const tabs = new BroadcastChannel("portcall-session");
  const isOutside = () => document.querySelector("form[data-sign-in]") !== null;
  document.addEventListener("submit", (event) => {
    if (event.target.matches("form[data-sign-out]")) sessionStorage.setItem(LEAVING, "yes");
  });
  tabs.addEventListener("message", (event) => {
    if (isOutside() === (event.data === "signed out")) return;
    const form = document.querySelector(FORM);
    if (form) keep(form);
    leaving = true;
    location.assign(location.pathname + location.search);
  });
  // One navigation is enough: a poll whose answer comes meanwhile does not begin a second one.
  for (const name of ["htmx:beforeRequest", "htmx:beforeOnLoad"]) {
    document.addEventListener(name, (event) => { if (leaving) event.preventDefault(); });
  }
  addEventListener("pageshow", () => { leaving = false; }); // back from the browser's memory of pages
  function tellTabs() {
    if (isOutside() && sessionStorage.getItem(LEAVING)) tabs.postMessage("signed out");
    else if (!isOutside() && cameFromSignIn()) tabs.postMessage("signed in");
    sessionStorage.removeItem(LEAVING);
  }
  // The answer to a check that arrives while the pointer is down on its form is shown after the
  // release. Otherwise a button or a checkbox could move away between press and release, and the
  // browser would make no click of them.
  let pressed = null;
  const held = new Map();
  function release() {
    const shown = [...held.values()];
    pressed = null;
    held.clear();
    for (const show of shown) show();
  }
  document.addEventListener("pointerdown", (event) => {
    release();
    pressed = event.target.closest("form");
  });
  for (const name of ["pointerup", "pointercancel"]) {
    document.addEventListener(name, () => { if (pressed) setTimeout(release); });  // after the click
  }
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { target, serverResponse, requestConfig } = event.detail;
    if (!pressed?.contains(target) || !event.detail.shouldSwap) return;
    event.detail.shouldSwap = false;
    const swapStyle = requestConfig.elt.getAttribute("hx-swap");
    held.set(target, () => htmx.swap(target, serverResponse, { swapStyle }));
  });
  // What was typed before this script ran made no request: the page's list does not match its filter.
  function catchUp() {
    for (const field of document.querySelectorAll("form[hx-get] input")) {
      if (field.value !== field.defaultValue) htmx.trigger(field.form, "submit");
    }
  }
  window.portcall = { toast, age };
  nameTheme();
  age();
  refill();
  tellTabs();
  useLink();
  if (document.readyState === "complete") catchUp();
  else addEventListener("load", () => setTimeout(catchUp)); // htmx knows the forms by then
  setInterval(age, 1000);
})();
