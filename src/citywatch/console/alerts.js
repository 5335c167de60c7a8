// Alerts: the live list, and one alert with its evidence.

import * as api from "./api.js";
import { el, put, reconcile, sign, svg } from "./dom.js";
import { chance, ago, evidence, explanation, headline, instant, kilograms, number, percent, shortInstant, tonnes, word } from "./format.js";
import { t } from "./words.js";

const PAGE = 100;
const MOST_CHILDREN = 200;
const TYPING_MS = 300;
const ANSWERS = ["area", "department", "contractor", "class", "site", "source"];
const LABELS = ["area", "department", "contractor", "class", "site", "source", "exercise"];
const KINDS = ["overloaded", "evasion_suspected", "unreachable", "no_media", "black", "over_exposed", "frozen", "covered", "out_of_focus",
  "stalled", "partly_covered", "moved", "shaking", "colour_cast", "snow", "stripes", "mosaic", "low_contrast",
  "infrared_stuck", "low_frame_rate", "clock_wrong", "silent", "incident"];

/** Whether the strictest and the most lenient outcome of a full law are about the same axles; null without outcomes. */
function samePart(about) {
  const [strict, lenient] = about.outcomes ?? [];
  if (!strict || !lenient) return null;
  return strict.first_axle === lenient.first_axle && strict.axles === lenient.axles;
}

export class AlertsPage {
  constructor(city) {
    this.city = city;
    this.alerts = new Map();
    this.cursors = {};
    this.over = false;
    this.filters = { kind: "", severity: "" };
    this.about = { label: "", text: "" };
    this.selected = null;
    this.fresh = new Set();
    this.list = el("ul", { class: "list", id: "alerts", "aria-label": t("page_alerts") });
    this.more = el("button", { class: "plain more", hidden: true, onclick: () => city.guarded(() => this.loadMore()) }, t("load_more"));
    this.empty = el("p", { class: "empty", hidden: true });
    this.detail = el("section", { class: "detail card", id: "detail", "aria-label": t("details"), tabindex: "-1" });
    this.root = el("div", { class: "split" },
      el("section", { class: "column" }, this.controls(), this.empty, this.list, this.more), this.detail);
    this.clock = setInterval(() => this.drawAges(), 10_000);
    this.drawDetail();
  }

  controls() {
    const tab = (over, key) => el("button", {
      class: "choice", "aria-pressed": String(this.over === over), onclick: (event) => {
        this.over = over;
        for (const other of event.currentTarget.parentNode.querySelectorAll(".choice")) {
          other.setAttribute("aria-pressed", String(other === event.currentTarget));
        }
        this.city.guarded(() => this.load());
      },
    }, t(key));
    const choice = (name, every, values, say) => el("select", { "aria-label": t(`filter_${name}`), onchange: (event) => {
      this.filters[name] = event.target.value;
      this.city.guarded(() => this.load());
    } }, el("option", { value: "" }, t(every)), values.map((value) => el("option", { value }, say(value))));
    const label = el("select", { "aria-label": t("filter_label"), onchange: () => {
      this.about.label = label.value;
      text.hidden = !label.value;
      if (this.about.text || !label.value) this.city.guarded(() => this.load());
      if (label.value) text.focus();
    } }, el("option", { value: "" }, t("every_label")), LABELS.map((name) => el("option", { value: name }, t(`label_${name}`))));
    const text = el("input", { type: "search", hidden: true, "aria-label": t("matcher_patterns"), placeholder: t("label_is"), maxlength: 200, oninput: () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => {
        this.about.text = text.value.trim();
        this.city.guarded(() => this.load());
      }, TYPING_MS);
    } });
    return el("div", { class: "controls" },
      el("div", { class: "choices", role: "group", "aria-label": t("filter_state") }, tab(false, "alerts_current"), tab(true, "alerts_over")),
      choice("kind", "every_kind", KINDS, (kind) => word("kind", kind)),
      choice("severity", "every_severity", ["critical", "warning", "info"], (severity) => t(`severity_${severity}`)), label, text);
  }

  states() {
    return this.over ? ["resolved"] : ["open", "acknowledged"];
  }

  async load() {
    const asked = JSON.stringify([this.over, this.filters, this.about]);
    const found = new Map();
    const cursors = {};
    await Promise.all(this.states().map((state) => this.fetchPage(state, null, found, cursors)));
    if (asked !== JSON.stringify([this.over, this.filters, this.about])) return; // somebody has chosen anew meanwhile
    this.alerts = found;
    this.cursors = cursors;
    this.draw();
  }

  async loadMore() {
    const waiting = Object.entries(this.cursors).filter(([, cursor]) => cursor);
    await Promise.all(waiting.map(([state, cursor]) => this.fetchPage(state, cursor, this.alerts, this.cursors)));
    this.draw();
  }

  async fetchPage(state, cursor, found, cursors) {
    const page = await api.get("alerts", { state, ...this.filters, label: this.label(), cursor, limit: PAGE });
    for (const alert of page.items) found.set(alert.id, alert);
    cursors[state] = page.next;
  }

  /** The label that is asked for, as the API takes it. */
  label() {
    return this.about.label && this.about.text ? `${this.about.label}=${this.about.text}` : "";
  }

  wants(alert) {
    const { label, text } = this.about;
    return this.states().includes(alert.state) && (!this.filters.kind || this.filters.kind === alert.kind)
      && (!this.filters.severity || this.filters.severity === alert.severity)
      && (!label || !text || alert.labels?.[label] === text);
  }

  /** A change out of the live stream. */
  take({ change, alert }) {
    const wanted = this.wants(alert);
    if (wanted) this.alerts.set(alert.id, alert);
    else this.alerts.delete(alert.id);
    if (change === "opened") this.fresh.add(alert.id);
    this.draw();
    if (this.shown?.id === alert.id) {
      this.shown = { ...alert, subject: { ...alert.subject, plate: this.shown.subject.plate } };
      this.drawDetail();
    }
  }

  async select(id) {
    this.selected = id;
    this.root.classList.toggle("has-detail", Boolean(id));
    if (!id) this.shown = null;
    else if (this.shown?.id !== id) this.shown = this.alerts.get(id) ?? await api.get(`alerts/${id}`);
    this.draw();
    this.drawDetail();
    if (id) this.detail.focus({ preventScroll: true });
  }

  draw() {
    const sorted = [...this.alerts.values()].sort((a, b) =>
      a.opened_at < b.opened_at ? 1 : a.opened_at > b.opened_at ? -1 : a.id < b.id ? 1 : -1);
    reconcile(this.list, sorted, (alert) => alert.id,
      (alert) => [alert.state, alert.acknowledged_by, alert.escalation, alert.flapping, alert.openings, alert.id === this.selected, this.city.nameOf(alert.device)],
      (alert) => this.item(alert));
    this.empty.hidden = sorted.length > 0;
    this.empty.textContent = t(this.over ? "no_alerts_over" : "no_alerts");
    this.more.hidden = !Object.values(this.cursors).some(Boolean);
    this.drawAges();
  }

  item(alert) {
    const fresh = this.fresh.delete(alert.id);
    return el("li", {},
      el("a", {
        class: `item item-${alert.severity} item-${alert.state}${alert.exercise ? " item-exercise" : ""}${fresh ? " fresh" : ""}`,
        href: `#/alerts/${alert.id}`,
        "aria-current": alert.id === this.selected ? "true" : null,
      },
      sign(alert.severity),
      el("span", { class: "what" },
        el("span", { class: "line" }, el("b", {}, headline(alert))),
        el("span", { class: "quiet" }, [whereOf(this.city, alert), alert.labels?.area].filter(Boolean).join(" · ")),
        marks(alert).length ? el("span", { class: "row" }, marks(alert)) : null),
      el("span", { class: "when" },
        el("time", { datetime: alert.opened_at, title: instant(alert.opened_at) }, shortInstant(alert.opened_at)),
        el("span", { class: `chip chip-${alert.state}` }, t(`alert_${alert.state}`)))));
  }

  drawAges() {
    for (const node of this.root.querySelectorAll("[data-ago]")) node.textContent = ago(node.dataset.ago);
  }

  drawDetail() {
    this.release();
    const alert = this.shown;
    if (!alert) {
      put(this.detail, el("p", { class: "empty" }, t("choose_alert")));
      return;
    }
    const about = alert.subject;
    put(
      this.detail,
      el("a", { class: "back", href: "#/alerts" }, `‹ ${t("back")}`),
      alert.exercise ? el("p", { class: "exercise-band" }, t("exercise_band")) : null,
      el("div", { class: "title" }, sign(alert.severity), el("h2", {}, headline(alert))),
      el("p", { class: "row" },
        el("span", { class: `chip chip-${alert.severity}` }, t(`severity_${alert.severity}`)),
        el("span", { class: `chip chip-${alert.state}` }, t(`alert_${alert.state}`)), marks(alert, true),
        el("span", { class: "quiet", "data-ago": alert.opened_at }, ago(alert.opened_at))),
      el("p", { class: "lead" }, explanation(alert)),
      about.evidence ? el("p", {}, evidence(about)) : null,
      alert.kind === "overloaded" ? weightBar(about) : null,
      this.actions(alert),
      ["overloaded", "evasion_suspected"].includes(alert.kind) ? null : this.pictures(about),
      facts(this.rows(alert)),
      alert.kind === "incident" ? this.children(about) : null,
    );
  }

  /** Who is away because of an incident, and who is back: as it stands now, not as it stood when it was opened. */
  children(about) {
    const list = el("ul", { class: "steps", id: "children" });
    const count = el("p", { class: "quiet" }, t("loading"));
    this.city.guarded(async () => {
      const incident = await api.get(`incidents/${about.incident}`);
      const away = incident.children.filter((child) => !child.how);
      const shown = [...away, ...incident.children.filter((child) => child.how)];
      count.textContent = t("children_count", { away: number(away.length), all: number(shown.length) });
      put(list, ...shown.slice(0, MOST_CHILDREN).map((child) => el("li", {},
        el("a", { href: `#/fleet/${encodeURIComponent(child.device)}` }, this.city.nameOf(child.device)), " ",
        el("span", { class: "quiet" }, `${word("fault", child.fault)} · ${word("child", child.how || "away")}`))));
    });
    return el("section", {}, el("h3", {}, t("children")), count, list);
  }

  actions(alert) {
    const buttons = [];
    if (alert.state === "open" && this.city.mayAcknowledge()) {
      buttons.push(el("button", { class: "primary", id: "acknowledge", onclick: (event) => {
        event.currentTarget.disabled = true;
        this.acknowledge(alert.id, event.currentTarget);
      } }, t("acknowledge")));
    }
    if (alert.state !== "resolved" && this.city.mayAcknowledge()) {
      const begun = new URLSearchParams({ device: alert.device, alert: alert.kind });
      buttons.push(el("a", { class: "button", href: `#/quiet/${encodeURIComponent(`silences/${begun}`)}` }, t("silence_this")));
    }
    if (alert.ticket) buttons.push(el("a", { class: "button", href: `#/tickets/${alert.ticket}` }, t("open_ticket")));
    return buttons.length ? el("p", { class: "row" }, buttons) : null;
  }

  async acknowledge(id, button) {
    await this.city.guarded(async () => {
      try {
        const changed = await api.command(`alerts/${id}/acknowledge`);
        if (changed) this.take({ change: "acknowledged", alert: changed });
        else this.city.tell(t("command_pending"));
      } catch (error) {
        button.disabled = false;
        if (error.document?.reason) throw new api.Problem(error.status, { detail: word("refused", error.document.reason) });
        throw error;
      }
    });
  }

  /** What a law with all its rules says beside the limit: the vehicle, what binds, how sure it is, and what it is worth. */
  legal(about) {
    const kind = `${word("vehicle", about.kind)} · ${percent(about.kind_confidence / 100)}`;
    const binding = about.outcomes[1] ?? about.outcomes[0];
    const part = binding.axles === about.axles ? t("part_whole")
      : t("part_axles", { first: number(binding.first_axle), last: number(binding.first_axle + binding.axles - 1) });
    const rows = [
      [t("field_vehicle"), about.kind_confidence < 90 && about.kind_runner_up !== "unknown"
        ? `${kind} (${word("vehicle", about.kind_runner_up)}?)` : kind],
      [t("field_rule"), el("span", {}, el("code", {}, about.rule), ` · ${part}`)],
      [t("field_margin"), kilograms(about.margin_kg)],
      [t("field_probability"), about.probability_lawful === null ? t("not_known") : chance(about.probability_lawful)],
    ];
    if (about.over_reduced_kg !== null) rows.push([t("field_reduced"), kilograms(about.over_reduced_kg)]);
    rows.push([t("field_enforceable"), about.enforceable ? t("enforceable_yes")
      : about.blocked.map((reason) => word("blocked", reason)).join("; ")]);
    return rows;
  }

  rows(alert) {
    const about = alert.subject;
    const device = [this.city.nameOf(alert.device), this.city.placeOf(alert.device)].filter(Boolean).join(" · ");
    const rows = [
      ...(elsewhere(alert.device) ? [] : [
        [t("field_device"), el("a", { href: `#/fleet/${encodeURIComponent(alert.device)}` }, device || alert.device)],
        [t("field_device_id"), alert.device]]),
      [t("field_opened"), instant(alert.opened_at)],
    ];
    if (alert.acknowledged_at) rows.push([t("field_acknowledged"), `${instant(alert.acknowledged_at)} · ${alert.acknowledged_by}`]);
    if (alert.resolved_at) rows.push([t("field_resolved"), `${instant(alert.resolved_at)} · ${word("resolution", alert.resolution)}`]);
    if (alert.kind === "overloaded") {
      rows.push(
        [t("field_gross"), `${tonnes(about.gross_kg)} (${kilograms(about.gross_kg)})`],
        // Where the two outcomes are about different parts of the vehicle, there is nothing between their limits.
        [t("field_limit"), about.limits_kg[0] === about.limits_kg[1] || samePart(about) === false ? tonnes(about.limit_kg)
          : t("limit_between", { low: tonnes(about.limits_kg[0]), high: tonnes(about.limits_kg[1]) })],
        [t("field_over"), `${kilograms(about.over_kg)} · ${percent(about.over_percent / 100)}`],
        [t("field_axles"), number(about.axles)],
        [t("field_speed"), about.speed_kmh === null ? t("not_measured") : t("unit_kmh", { value: number(about.speed_kmh) })],
        [t("field_plate"), this.plate(alert)],
        [t("field_law"), about.law],
      );
      if (about.rule) rows.push(...this.legal(about));
      if (about.suspect?.length) rows.push([t("field_suspect"), about.suspect.map((reason) => word("suspect", reason)).join("; ")]);
    } else if (alert.kind === "evasion_suspected") {
      rows.push(
        [t("field_sign"), about.signs.map((name) => word("sign", name)).join("; ")],
        [t("field_measured"), Object.entries(about.measurements).filter(([, value]) => value !== null)
          .map(([name, value]) => `${name.replaceAll("_", " ")} ${[].concat(value).join(" / ")}`).join("; ") || t("not_measured")],
        [t("field_gross"), about.merged ? `${kilograms(about.merged.gross_kg)} (${word("merged", about.merged.decision)})` : kilograms(about.gross_kg)],
        [t("field_axles"), number(about.axles)],
        [t("field_plate"), this.plate(alert)],
      );
    } else {
      if (about.finding) rows.push([t("label_source"), about.source], [t("field_place"), about.address || "–"]);
      else rows.push([t("field_reason"), word("reason", about.reason)]);
      if (about.first_bad_ns > 0) rows.push([t("field_first_bad"), instant(new Date(about.first_bad_ns / 1e6).toISOString())]);
      if (about.last_good_ns > 0) rows.push([t("field_last_good"), instant(new Date(about.last_good_ns / 1e6).toISOString())]);
      if (alert.kind === "incident") rows.push([t("field_below"), number(about.below)]);
      if (about.looks && !about.finding) rows.push([t("field_looks"), number(about.looks)]);
    }
    const told = Object.entries(alert.labels ?? {}).filter(([label, text]) => text && ANSWERS.includes(label));
    if (told.length) rows.push([t("field_answers"), told.map(([label, text]) => `${t(`label_${label}`)}: ${text}`).join(" · ")]);
    rows.push([t("field_id"), el("code", {}, alert.id)]);
    return rows;
  }

  plate(alert) {
    const plate = alert.subject.plate;
    if (!plate) return t("not_read");
    if (!plate.includes("*") || !this.city.mayAcknowledge()) return el("span", { class: "plate" }, plate);
    return el("span", { class: "row" }, el("span", { class: "plate" }, plate),
      el("button", { class: "plain", title: t("show_plate_hint"), onclick: () => this.city.guarded(async () => {
        this.shown = await api.get(`alerts/${alert.id}`, { plates: "full" });
        this.drawDetail();
      }) }, t("show_plate")));
  }

  pictures(about) {
    const wanted = [["compared", about.reference], ["before", about.previous], ["now", about.picture],
      ...(about.photos ?? []).map((photo) => ["reported", photo])].filter(([, hash]) => hash);
    if (!wanted.length) return null;
    if (!this.city.maySeePictures()) return el("p", { class: "quiet" }, t("pictures_not_for_role"));
    return el("div", { class: "pictures" }, wanted.map(([when, hash]) => {
      const figure = el("figure", {}, el("div", { class: "frame" }, el("span", { class: "quiet" }, t("loading"))), el("figcaption", {}, t(`picture_${when}`)));
      this.showPicture(figure.firstChild, hash, t(`picture_${when}`));
      return figure;
    }));
  }

  async showPicture(frame, hash, label) {
    try {
      const address = await api.picture(hash);
      this.addresses.push(address);
      put(frame, el("img", { src: address, alt: label }));
    } catch (error) {
      if (!(error instanceof api.Problem)) throw error;
      put(frame, el("span", { class: "quiet" }, error.status === 404 ? t("picture_gone") : error.message));
    }
  }

  release() {
    for (const address of this.addresses ?? []) URL.revokeObjectURL(address);
    this.addresses = [];
  }

  close() {
    clearTimeout(this.typing);
    clearInterval(this.clock);
    this.release();
  }
}

/** Whether nothing of ours is there: somebody has found something. */
export function elsewhere(device) {
  return device.startsWith("found/");
}

/** Where an alert is, in a few words. */
function whereOf(city, alert) {
  return elsewhere(alert.device) ? alert.subject.address || alert.subject.source : city.nameOf(alert.device);
}

/** What is special about an alert: an exercise, nobody has answered, it comes and goes. */
function marks(alert, all = false) {
  return [
    alert.exercise && !all ? el("span", { class: "chip chip-exercise" }, t("exercise")) : null,
    alert.escalation ? el("span", { class: "chip chip-warning" }, t("escalated", { level: alert.escalation })) : null,
    alert.flapping ? el("span", { class: "chip chip-warning" }, t("flapping", { count: number(alert.openings ?? 0) })) : null,
  ].filter(Boolean);
}

/** Gross against limit, to scale. The numbers stand beside it, so it is a picture of them and nothing more. */
function weightBar(about) {
  const most = Math.max(about.gross_kg, about.limit_kg) * 1.08;
  const at = (kg) => (kg / most) * 400;
  return el("div", { class: "weigh" }, svg("svg", { viewBox: "0 0 400 46", role: "img", "aria-label":
    t("bar_label", { gross: tonnes(about.gross_kg), limit: tonnes(about.limit_kg) }) },
  svg("rect", { class: "bar-lawful", x: 0, y: 20, width: at(Math.min(about.gross_kg, about.limit_kg)), height: 18, rx: 3 }),
  svg("rect", { class: "bar-over", x: at(about.limit_kg), y: 20, width: Math.max(at(about.gross_kg) - at(about.limit_kg), 2), height: 18, rx: 3 }),
  svg("line", { class: "bar-limit", x1: at(about.limit_kg), x2: at(about.limit_kg), y1: 15, y2: 43 }),
  svg("text", { class: "bar-text", x: at(about.limit_kg), y: 11, "text-anchor": "middle" }, t("bar_limit", { limit: tonnes(about.limit_kg) }))));
}

export function facts(rows) {
  return el("dl", { class: "facts" }, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}
