// Cameras: what is watched, how fresh the looks are, and one camera with what is known of it.

import * as api from "./api.js";
import { facts } from "./alerts.js";
import { el, put, reconcile, sign } from "./dom.js";
import { ago, evidence, instant, number, word } from "./format.js";
import { t } from "./words.js";

const PAGE = 200;
const TYPING_MS = 300;
const FAULTS = ["unreachable", "no_media", "stalled", "frozen", "black", "over_exposed", "covered", "partly_covered",
  "out_of_focus", "moved", "shaking", "colour_cast", "snow", "stripes", "mosaic", "low_contrast", "infrared_stuck",
  "low_frame_rate", "clock_wrong"];

export class CamerasPage {
  constructor(city) {
    this.city = city;
    this.filters = { state: "", fault: "", q: "" };
    this.cameras = new Map();
    this.next = null;
    this.selected = null;
    this.shown = null;
    this.addresses = [];
    this.patrol = el("section", { class: "card figure", id: "patrol", "aria-label": t("patrol") });
    this.list = el("ul", { class: "list", id: "cameras", "aria-label": t("page_cameras") });
    this.empty = el("p", { class: "empty", hidden: true }, t("no_cameras"));
    this.more = el("button", { class: "plain more", hidden: true, onclick: () => city.guarded(() => this.fetch(this.next)) }, t("load_more"));
    this.detail = el("section", { class: "detail card", id: "camera", "aria-label": t("details"), tabindex: "-1" });
    this.root = el("div", { class: "split" },
      el("section", { class: "column" }, this.controls(), this.patrol, this.empty, this.list, this.more), this.detail);
    this.clock = setInterval(() => this.drawAges(), 5_000);
    this.drawDetail();
  }

  controls() {
    const filter = (name, event) => {
      this.filters[name] = event.target.value;
      this.city.guarded(() => this.fetch(null));
    };
    const choice = (name, label, words, values) => el("select", { "aria-label": label, onchange: (event) => filter(name, event) },
      values.map((value) => el("option", { value }, value ? word(words, value) : label)));
    const search = el("input", {
      type: "search", "aria-label": t("search_cameras"), placeholder: t("search_cameras"), maxlength: 100, oninput: (event) => {
        clearTimeout(this.typing);
        this.typing = setTimeout(() => filter("q", event), TYPING_MS);
      },
    });
    return el("div", { class: "controls" }, search,
      choice("state", t("every_state"), "state", ["", "down", "degraded", "unknown", "up"]),
      choice("fault", t("every_fault"), "fault", ["", ...FAULTS]));
  }

  async load() {
    await Promise.all([this.fetch(null), this.report()]);
  }

  /** What was shown before, anew: as many pages as were open. */
  async refresh() {
    const open = this.cameras.size;
    await this.fetch(null);
    while (this.next && this.cameras.size < open) await this.fetch(this.next);
    await this.report();
    if (this.selected) await this.open();
  }

  /** A change of an alert is a sign that a camera has changed. */
  take() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.city.guarded(() => this.refresh()), 500);
  }

  async fetch(cursor) {
    const asked = JSON.stringify(this.filters);
    const page = await api.get("cameras", { ...this.filters, cursor, limit: PAGE });
    if (asked !== JSON.stringify(this.filters)) return; // somebody typed on meanwhile
    if (!cursor) this.cameras = new Map();
    for (const camera of page.items) this.cameras.set(camera.camera, camera);
    this.next = page.next;
    this.draw();
  }

  async report() {
    let report = null;
    try {
      report = await api.get("patrol");
    } catch (error) {
      if (error.status !== 503) throw error;
    }
    put(this.patrol, el("h3", {}, t("patrol")), report ? freshness(report) : el("p", { class: "quiet" }, t("patrol_silent")));
  }

  draw() {
    const sorted = [...this.cameras.values()];
    reconcile(this.list, sorted, (camera) => camera.camera,
      (camera) => [camera, camera.camera === this.selected], (camera) => this.item(camera));
    this.empty.hidden = sorted.length > 0;
    this.more.hidden = !this.next;
    this.drawAges();
  }

  item(camera) {
    return el("li", {}, el("a", {
      class: `item item-camera-${camera.state}`, href: `#/cameras/${encodeURIComponent(camera.camera)}`,
      "aria-current": camera.camera === this.selected ? "true" : null,
    },
    sign(camera.state),
    el("span", { class: "what" },
      el("span", { class: "line" }, el("b", {}, camera.name || camera.camera)),
      el("span", { class: "quiet" }, [camera.name ? camera.camera : "", camera.place || camera.site].filter(Boolean).join(" · ")),
      camera.faults.map((fault) => el("span", { class: "fault" }, word("fault", fault.fault)))),
    el("span", { class: "when" },
      el("span", {}, t(`state_${camera.state}`)),
      camera.last_look
        ? el("time", { class: "quiet", datetime: camera.last_look.at, title: instant(camera.last_look.at), "data-ago": camera.last_look.at }, ago(camera.last_look.at))
        : el("span", { class: "quiet" }, t("not_looked_at")))));
  }

  drawAges() {
    for (const node of this.root.querySelectorAll("[data-ago]")) node.textContent = ago(node.dataset.ago);
  }

  async select(id) {
    this.selected = id;
    this.root.classList.toggle("has-detail", Boolean(id));
    this.draw();
    await this.open();
    if (id) this.detail.focus({ preventScroll: true });
  }

  async open() {
    const asked = this.selected;
    let found = null;
    try {
      found = asked ? await api.get(`cameras/${asked.split("/").map(encodeURIComponent).join("/")}`) : null;
    } catch (error) {
      if (error.status !== 404) throw error;
    }
    if (asked !== this.selected) return;
    const same = found && this.shown && JSON.stringify(pictured(found)) === JSON.stringify(pictured(this.shown));
    this.shown = found;
    this.drawDetail(same);
  }

  /** `same`: the pictures are those that are shown already; they are not asked for again, since each look is noted. */
  drawDetail(same = false) {
    const camera = this.shown;
    if (!camera) {
      this.release();
      put(this.detail, el("p", { class: "empty" }, t("choose_camera")));
      return;
    }
    if (!same) {
      this.release();
      this.pictures = this.album(camera);
    }
    put(
      this.detail,
      el("a", { class: "back", href: "#/cameras" }, `‹ ${t("back")}`),
      el("div", { class: "title" }, sign(camera.state), el("h2", {}, camera.name || camera.camera)),
      el("p", { class: "lead" }, t(`explain_state_${camera.state}`)),
      camera.faults.map((fault) => el("div", {},
        el("p", { class: "row" }, el("span", { class: "fault" }, word("fault", fault.fault)), el("span", {}, word("explain", fault.fault)),
          el("a", { class: "button", href: `#/alerts/${fault.alert}` }, t("open_alert"))),
        fault.evidence ? el("p", { class: "quiet" }, evidence({ evidence: fault.evidence, reason: fault.reason })) : null)),
      this.pictures,
      facts(this.rows(camera)),
      camera.checks ? this.checks(camera.checks) : null,
    );
    this.drawAges();
  }

  rows(camera) {
    const look = camera.last_look;
    return [
      [t("field_device_id"), camera.camera],
      [t("field_place"), camera.place || "–"],
      [t("field_site"), camera.site || "–"],
      [t("field_parent"), camera.parent ? el("a", { href: `#/cameras/${encodeURIComponent(camera.parent)}` }, this.city.nameOf(camera.parent)) : "–"],
      [t("field_state_since"), camera.state_since ? instant(camera.state_since) : "–"],
      [t("field_last_look"), look ? [instant(look.at), " · ", el("span", { "data-ago": look.at }, ago(look.at)), look.reason === "ok" ? null : ` · ${word("reason", look.reason)}`, look.note ? el("p", { class: "quiet", lang: "en" }, look.note) : null] : t("not_looked_at")],
      [t("field_address"), el("code", {}, camera.url)],
      [t("field_secrets"), t(camera.has_secrets ? "secrets_sealed" : "secrets_none")],
      [t("field_class"), camera.camera_class],
      [t("field_origin"), `${t(`origin_${camera.origin}`)} · ${camera.actor} · ${instant(camera.changed_at)}`],
      [t("field_references"), camera.references.map((one) => el("div", {},
        `${t(`light_${one.light}`)}${one.preset ? ` · ${one.preset}` : ""} · ${instant(one.adopted_at)}`))],
    ].filter(([, value]) => !Array.isArray(value) || value.length);
  }

  /** The three answers of the last full look: found, could not be checked and why, fine. */
  checks(told) {
    const those = (answer) => told.answers.filter((one) => one.answer === answer);
    const since = (one) => (one.last_fine_at ? t("last_fine", { when: instant(one.last_fine_at) }) : t("never_fine"));
    const unsure = those("could_not_be_checked");
    return el("section", { class: "checks" },
      el("h3", {}, t("checks_title", { when: instant(told.at) })),
      facts([
        ...those("fault").map((one) => [word("fault", one.fault), t(one.phase === "confirmed" ? "check_confirmed" : "check_suspect")]),
        ...unsure.map((one) => [word("fault", one.fault), [word("why", one.why), el("span", { class: "quiet" }, ` · ${since(one)}`)]]),
        [t("check_fine"), those("fine").map((one) => word("fault", one.fault)).join(", ") || "–"],
      ]));
  }

  album(camera) {
    const wanted = pictured(camera);
    if (!wanted.length) {
      return this.city.maySeePictures() || !camera.last_look ? null : el("p", { class: "quiet" }, t("pictures_not_for_role"));
    }
    return el("div", { class: "pictures" }, wanted.map(([label, address]) => {
      const frame = el("div", { class: "frame" }, el("span", { class: "quiet" }, t("loading")));
      this.showPicture(frame, address, label);
      return el("figure", {}, frame, el("figcaption", {}, label));
    }));
  }

  async showPicture(frame, address, label) {
    try {
      const local = await api.picture(address.split("/").pop());
      this.addresses.push(local);
      put(frame, el("img", { src: local, alt: label }));
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      put(frame, el("span", { class: "quiet" }, error.status === 404 ? t("picture_gone") : error.message));
    }
  }

  release() {
    for (const address of this.addresses) URL.revokeObjectURL(address);
    this.addresses = [];
  }

  close() {
    clearInterval(this.clock);
    clearTimeout(this.soon);
    clearTimeout(this.typing);
    this.release();
  }
}

/** The pictures of a camera, as [what it is, where it is]: before and at its first fault, else now; its references. */
function pictured(camera) {
  const fault = camera.faults.find((one) => one.picture || one.previous);
  const found = [
    [t("picture_before"), fault?.previous],
    [t("picture_now"), fault ? fault.picture : camera.last_look?.picture],
    ...camera.references.map((one) => [t("picture_reference", { light: t(`light_${one.light}`), preset: one.preset }), one.picture]),
  ];
  return found.filter(([, address]) => address);
}

/** The patrol's report in a sentence, and a line for each class. */
function freshness(report) {
  const age = (seconds) => (typeof seconds === "number" ? t("unit_seconds", { value: number(seconds, seconds < 10 ? 1 : 0) }) : "–");
  const classes = (report.ages ?? []).filter((one) => one.cameras);
  return [
    el("p", {}, t("patrol_sentence", {
      cameras: number(report.cameras ?? 0), failing: number(report.failing ?? 0), suspects: number(report.suspects ?? 0),
      visits: number(report.visits_per_s ?? 0, 1),
    })),
    classes.length ? el("table", { class: "figures" },
      el("thead", {}, el("tr", {}, ["field_class", "field_cameras", "field_target", "age_median", "age_p99", "age_most"].map((key) => el("th", { scope: "col" }, t(key))))),
      el("tbody", {}, classes.map((one) => el("tr", {},
        el("th", { scope: "row" }, one.camera_class), el("td", {}, number(one.cameras)), el("td", {}, age(one.target_s)),
        el("td", {}, age(one.p50_s)), el("td", {}, age(one.p99_s)), el("td", { class: one.over_target ? "bad" : null }, age(one.max_s)))))) : null,
  ];
}
