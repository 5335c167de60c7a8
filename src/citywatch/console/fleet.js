// The fleet: every device with its state, its present faults, and how much of the last day it was in order.

import * as api from "./api.js";
import { el, put, reconcile, sign } from "./dom.js";
import { instant, number, percent, shortInstant, word } from "./format.js";
import { facts } from "./alerts.js";
import { t } from "./words.js";

const ORDER = { down: 0, unknown: 1, up: 2 };
const DAY_MS = 86_400_000;
const TARGET = 95;

export class FleetPage {
  constructor(city) {
    this.city = city;
    this.state = "";
    this.selected = null;
    this.figure = el("p", { class: "card figure", id: "availability" });
    this.list = el("ul", { class: "fleet", id: "fleet", "aria-label": t("page_fleet") });
    this.empty = el("p", { class: "empty", hidden: true }, t("no_devices"));
    this.detail = el("section", { class: "detail card", "aria-label": t("details"), tabindex: "-1" });
    this.root = el("div", { class: "split wide" },
      el("section", { class: "column" }, this.controls(), this.figure, this.empty, this.list), this.detail);
  }

  controls() {
    const choice = (state) => el("button", {
      class: "choice", "aria-pressed": String(this.state === state), onclick: (event) => {
        this.state = state;
        for (const other of event.currentTarget.parentNode.children) {
          other.setAttribute("aria-pressed", String(other === event.currentTarget));
        }
        this.draw();
      },
    }, state ? t(`state_${state}`) : t("every_state"));
    return el("div", { class: "controls" }, el("div", { class: "choices", role: "group", "aria-label": t("filter_state") },
      ["", "down", "degraded", "unknown", "up"].map(choice)));
  }

  async load() {
    await this.refresh();
  }

  async refresh() {
    await this.city.refreshDevices();
    this.draw();
    if (this.city.devices.size) {
      const figure = await this.availability();
      put(this.figure, ...sentence(figure));
    }
    this.figure.hidden = !this.city.devices.size;
    if (this.selected) await this.drawDetail();
  }

  availability(device) {
    const now = Date.now();
    return api.get("availability", {
      from: new Date(now - DAY_MS).toISOString(), to: new Date(now).toISOString(), device, target_percent: TARGET,
    });
  }

  /** A change of an alert is a sign that a device has changed. */
  take() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.city.guarded(() => this.refresh()), 500);
  }

  async select(id) {
    this.selected = id;
    this.root.classList.toggle("has-detail", Boolean(id));
    this.draw();
    await this.drawDetail();
    if (id) this.detail.focus({ preventScroll: true });
  }

  draw() {
    const wanted = [...this.city.devices.values()].filter((device) => (this.state ? device.state === this.state : device.state !== "removed"))
      .sort((a, b) => ORDER[a.state] - ORDER[b.state] || (a.device < b.device ? -1 : 1));
    reconcile(this.list, wanted, (device) => device.device,
      (device) => [device, device.device === this.selected], (device) => this.item(device));
    this.empty.hidden = wanted.length > 0;
  }

  item(device) {
    return el("li", {}, el("a", {
      class: `device device-${device.state}`, href: `#/fleet/${encodeURIComponent(device.device)}`,
      "aria-current": device.device === this.selected ? "true" : null,
    },
    el("span", { class: "line" }, sign(device.state), el("b", {}, t(`state_${device.state}`)),
      el("span", { class: "quiet end" }, device.kind ? t(`device_${device.kind}`) : "")),
    el("span", { class: "name" }, device.name || device.device),
    el("span", { class: "quiet" }, device.place || device.device),
    device.faults.map((fault) => el("span", { class: "fault" }, word("fault", fault.fault))),
    device.state_since ? el("span", { class: "quiet small", title: instant(device.state_since) }, t("since", { when: shortInstant(device.state_since) })) : null));
  }

  async drawDetail() {
    const device = this.city.devices.get(this.selected);
    if (!device) {
      put(this.detail, el("p", { class: "empty" }, t("choose_device")));
      return;
    }
    const now = Date.now();
    const [figure, history] = await Promise.all([this.availability(device.device), api.get("device-states", {
      device: device.device, from: new Date(now - DAY_MS).toISOString(), to: new Date(now).toISOString(),
    })]);
    put(
      this.detail,
      el("a", { class: "back", href: "#/fleet" }, `‹ ${t("back")}`),
      el("div", { class: "title" }, sign(device.state), el("h2", {}, device.name || device.device)),
      el("p", { class: "lead" }, t(`explain_state_${device.state}`)),
      device.faults.map((fault) => el("p", { class: "row" },
        el("span", { class: "fault" }, word("fault", fault.fault)), el("span", {}, word("explain", fault.fault)),
        el("a", { class: "button", href: `#/alerts/${fault.alert}` }, t("open_alert")))),
      el("p", {}, ...sentence(figure)),
      facts([
        [t("field_device_id"), device.device],
        [t("field_place"), device.place || "–"],
        [t("field_site"), device.site || "–"],
        [t("field_parent"), device.parent
          ? el("a", { href: `#/fleet/${encodeURIComponent(device.parent)}` }, this.city.nameOf(device.parent)) : "–"],
        [t("field_kind"), device.kind ? t(`device_${device.kind}`) : "–"],
        [t("field_state_since"), device.state_since ? instant(device.state_since) : "–"],
        [t("field_heartbeat"), device.heartbeat_s ? t("every_seconds", { value: number(device.heartbeat_s) }) : t("none_promised")],
      ]),
      el("h3", {}, t("last_day")),
      history.states.length
        ? el("ol", { class: "steps" }, history.states.toReversed().slice(0, 50).map((state) => el("li", {},
          el("b", {}, t(`state_${state.state}`)), " ", el("span", { class: "quiet" }, between(state)))))
        : el("p", { class: "quiet" }, t("nothing_known")),
      history.inhibited.length ? el("p", { class: "quiet" }, t("inhibited_by_parent")) : null,
      el("ol", { class: "steps" }, history.inhibited.toReversed().slice(0, 50).map((time) => el("li", {},
        el("b", {}, this.city.nameOf(time.parent)), " ",
        el("span", { class: "quiet" }, `${between(time)} – ${time.to ? instant(time.to) : t("child_away")}`)))),
    );
  }

  close() {
    clearTimeout(this.soon);
  }
}

/** "from 8:00", or "between 7:58 and 8:00" where the looks leave it open. */
function between(state) {
  const [early, late] = [state.worst_from, state.best_from].sort();
  return early === late ? t("from_instant", { at: instant(late) }) : t("between_instants", { early: instant(early), late: instant(late) });
}

function sentence(figure) {
  const low = number(figure.worst.availability_percent, 1);
  const high = number(figure.best.availability_percent, 1);
  const unknown = figure.best.unknown_s / (figure.best.up_s + figure.best.down_s + figure.best.unknown_s);
  return [
    el("b", {}, low === high ? t("availability_exact", { value: low }) : t("availability_between", { low, high })), " ",
    el("span", { class: `chip chip-${figure.verdict}` }, t(`verdict_${figure.verdict}`, { target: number(figure.target_percent) })), " ",
    el("span", { class: "quiet" }, unknown > 0.01 ? `${t("availability_unknown", { value: percent(unknown) })} ` : "", t("availability_about")),
  ];
}
