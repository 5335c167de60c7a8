// The frame: signing in, the top of the page, which page is shown, and the live stream that feeds them all.

import { AlertsPage } from "./alerts.js";
import * as api from "./api.js";
import { CamerasPage } from "./cameras.js";
import { el, put, say, sign } from "./dom.js";
import { FleetPage } from "./fleet.js";
import { headline, number, zone } from "./format.js";
import { OrderPage } from "./order.js";
import { QuietPage } from "./quiet.js";
import { ReferencePage } from "./reference.js";
import { ShiftPage } from "./shift.js";
import { TicketsPage } from "./tickets.js";
import { choose, currentLanguage, loadWords, t } from "./words.js";

const REFRESH_MS = 15_000;
const PAGES = {
  alerts: AlertsPage, tickets: TicketsPage, order: OrderPage, cameras: CamerasPage, fleet: FleetPage, quiet: QuietPage,
  shift: ShiftPage, reference: ReferencePage,
};
/** What each role finds at the top; a crew begins with its tickets. */
const TABS = {
  viewer: ["alerts", "tickets", "cameras", "fleet", "quiet", "shift"],
  operator: ["alerts", "tickets", "cameras", "fleet", "quiet", "shift"],
  admin: ["alerts", "tickets", "cameras", "fleet", "quiet", "shift"],
  crew: ["tickets", "alerts", "cameras", "fleet"],
};

/** What the pages share: who is asking, the devices' names, and a way to tell people something. */
const city = {
  who: null,
  devices: new Map(),
  teams: new Set(),
  connection: "connecting",
  mayAcknowledge: () => ["operator", "admin"].includes(city.who?.role),
  maySeePictures: () => ["operator", "admin"].includes(city.who?.role),
  mayRepair: () => ["operator", "crew", "admin"].includes(city.who?.role),
  nameOf: (device) => city.devices.get(device)?.name || device,
  placeOf: (device) => city.devices.get(device)?.place || "",
  openTickets: async () => (await Promise.all(["filed", "dispatched", "accepted", "on_hold", "handled"].map((state) =>
    api.all("tickets", { state }, 500)))).flat(),
  async refreshDevices() {
    const devices = await api.all("devices", {});
    city.devices = new Map(devices.map((device) => [device.device, device]));
  },
};

let page = null;
let live = null;
let timer = 0;
let wantsOverview = 0;

function route() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const id = rest.join("/");
  return { name: name in PAGES ? name : TABS[city.who.role][0], id: id ? decodeURIComponent(id) : null };
}

async function show() {
  const { name, id } = route();
  if (!(page instanceof PAGES[name])) {
    page?.close?.();
    page = new PAGES[name](city);
    put(document.getElementById("main"), page.root);
    drawTop();
    await guarded(() => page.load());
  }
  await guarded(() => page.select(id));
}

/** Do something that may fail; the person is told in a line, the page stays. */
async function guarded(action) {
  try {
    await action();
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    if (error.status !== 401) tell(error.message);
  }
}

function tell(text) {
  const note = el("p", { class: "toast", role: "alert" }, text);
  document.body.append(note);
  setTimeout(() => note.remove(), 8000);
}
city.tell = tell;
city.guarded = guarded;

const pill = (kind, count, label) =>
  el("span", { class: `pill pill-${kind}` }, sign(kind), el("b", {}, number(count)), " ", label);

function drawTop() {
  const { name } = route();
  const top = document.getElementById("top");
  const link = (target) =>
    el("a", { href: `#/${target}`, class: "tab", "aria-current": target === name || (target === "tickets" && name === "order") ? "page" : null }, t(`page_${target}`));
  put(
    top,
    el("div", { class: "brand" }, el("img", { src: "/console/icon.svg", alt: "", width: 28, height: 28 }), el("b", {}, "Citywatch")),
    el("nav", { "aria-label": t("pages") }, TABS[city.who.role].map(link)),
    el("div", { class: `numbers numbers-${city.who.role}`, id: "numbers" }),
    el("span", { id: "connection", role: "status" }),
  );
  top.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  put(
    document.getElementById("bottom"),
    el("span", { class: "quiet" }, t("zone", { zone: zone() })),
    el("a", { class: "plain", href: "#/reference" }, t("page_reference")),
    el("span", { class: "quiet end" }, t("signed_in_as", { name: city.who.name, role: t(`role_${city.who.role}`) })),
    languageSwitch(),
    el("button", { class: "plain", onclick: signOut }, t("sign_out")),
  );
  document.getElementById("skip").textContent = t("skip");
  drawConnection();
  drawNumbers();
}

function languageSwitch() {
  const other = currentLanguage() === "zh" ? "en" : "zh";
  return el("button", { class: "plain", id: "language", lang: other === "zh" ? "zh-CN" : "en", onclick: () => {
    choose(other);
    if (!api.hasToken()) { drawSignIn(); return; }
    page?.close?.();
    page = null;
    show();
  } }, other === "zh" ? "中文" : "English");
}

function drawConnection() {
  const place = document.getElementById("connection");
  if (!place) return;
  place.className = `connection connection-${city.connection}`;
  put(place, el("span", { class: "dot", "aria-hidden": "true" }), t(`connection_${city.connection}`));
}

function drawNumbers() {
  const place = document.getElementById("numbers");
  if (!place || !city.overview) return;
  const { alerts, devices } = city.overview;
  const open = alerts.open ?? 0;
  document.title = open ? `(${open}) Citywatch` : "Citywatch";
  put(
    place,
    pill("critical", open, t("open_alerts")),
    pill("up", devices.up ?? 0, t("state_up")),
    pill("down", devices.down ?? 0, t("state_down")),
    pill("unknown", devices.unknown ?? 0, t("state_unknown")),
  );
}

async function refreshOverview() {
  city.overview = await api.get("overview");
  drawNumbers();
}

/** Soon, and once for many changes that come together. */
function overviewSoon() {
  clearTimeout(wantsOverview);
  wantsOverview = setTimeout(() => guarded(refreshOverview), 250);
}

async function onEvent(name, data) {
  if (name === "position" || name === "reset") {
    if (city.streamed && name === "position") return; // resumed: nothing was missed
    city.streamed = true;
    await guarded(() => Promise.all([page?.load(), refreshOverview()]));
    return;
  }
  if (!city.devices.has(data.alert.device)) await guarded(() => city.refreshDevices());
  page?.take?.(data);
  if (data.change === "opened") say(`${t("new_alert")}: ${headline(data.alert)}, ${city.nameOf(data.alert.device)}`);
  overviewSoon();
}

function startLive() {
  city.streamed = false;
  live = new api.Live({
    onEvent,
    onState: (state) => { city.connection = state; drawConnection(); },
  });
  live.run();
  timer = setInterval(() => {
    if (document.hidden) return;
    guarded(async () => {
      await city.refreshDevices();
      await refreshOverview();
      await page?.refresh?.();
    });
  }, REFRESH_MS);
}

/** Forget who was here and what they saw. */
function leave() {
  live?.stop();
  clearInterval(timer);
  page?.close?.();
  page = null;
  city.who = null;
  city.overview = null;
  city.devices = new Map();
  city.teams = new Set();
  document.title = "Citywatch";
}

function signOut() {
  leave();
  api.setToken("");
  drawSignIn();
}

function frame(visible) {
  for (const id of ["top", "bottom"]) document.getElementById(id).hidden = !visible;
}

function drawSignIn(problem = "") {
  frame(false);
  const field = el("input", {
    id: "token", type: "password", autocomplete: "off", spellcheck: "false", required: true,
    "aria-describedby": "token-hint", "aria-invalid": problem ? "true" : null,
  });
  const form = el("form", { class: "card signin", onsubmit: (event) => {
    event.preventDefault();
    api.setToken(field.value);
    signIn();
  } },
  el("img", { src: "/console/icon.svg", alt: "", width: 56, height: 56 }),
  el("h1", {}, "Citywatch"),
  el("p", { class: "quiet" }, t("signin_about")),
  el("label", { for: "token" }, t("signin_token")),
  field,
  el("p", { class: "quiet small", id: "token-hint" }, t("signin_hint")),
  problem ? el("p", { class: "bad", role: "alert" }, problem) : null,
  el("div", { class: "row" }, el("button", { class: "primary", type: "submit" }, t("signin")), languageSwitch()));
  put(document.getElementById("main"), form);
  field.focus();
}

async function signIn() {
  try {
    city.who = await api.get("whoami");
    if (!["viewer", "operator", "crew", "admin"].includes(city.who.role)) {
      api.setToken("");
      drawSignIn(t("signin_other_role", { role: city.who.role }));
      return;
    }
    await city.refreshDevices();
  } catch (error) {
    if (!(error instanceof api.Problem)) throw error;
    if (error.status === 401) api.setToken("");
    drawSignIn(error.status === 401 ? t("signin_refused") : error.message);
    return;
  }
  frame(true);
  page = null;
  await show();
  startLive();
}

/** A token may come behind the address (#token=…), once: it is taken out of the address and of the history at once. */
function tokenFromAddress() {
  const found = /^#token=(.+)$/.exec(location.hash);
  if (!found) return false;
  history.replaceState(null, "", location.pathname);
  api.setToken(decodeURIComponent(found[1]));
  return true;
}

tokenFromAddress();
await loadWords();
api.whenSignedOut(() => {
  if (!city.who) return;
  signOut();
  drawSignIn(t("signin_refused"));
});
addEventListener("hashchange", () => {
  if (tokenFromAddress()) {
    leave();
    signIn();
  } else if (city.who) show();
});
if (api.hasToken()) await signIn();
else drawSignIn();
