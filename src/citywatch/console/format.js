// Numbers, times and sentences as people at a traffic desk say them.

import { currentLanguage, has, t } from "./words.js";

function locale() {
  return currentLanguage() === "zh" ? "zh-CN" : "en-GB";
}

export function number(value, digits = 0) {
  return new Intl.NumberFormat(locale(), { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
}

/** Kilograms as tonnes with two digits: 55.30 t. */
export function tonnes(kg) {
  return t("unit_tonnes", { value: number(kg / 1000, 2) });
}

export function kilograms(kg) {
  return t("unit_kilograms", { value: number(kg) });
}

/** A share 0..1 as per cent; small ones keep a digit more. */
export function percent(share) {
  const value = share * 100;
  const digits = Math.abs(value) < 1 ? 2 : 1;
  return t("unit_percent", { value: new Intl.NumberFormat(locale(), { maximumFractionDigits: digits }).format(value) });
}

/** A probability: what is rounded to nothing is not impossible. */
export function chance(share) {
  return share < 0.00005 ? `< ${percent(0.0001)}` : percent(share);
}

/** An RFC 3339 instant in local time, with its zone. */
export function instant(text) {
  if (!text) return t("never");
  return new Intl.DateTimeFormat(locale(), {
    year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
    hour12: false, timeZoneName: "short",
  }).format(new Date(text));
}

/** Only the time of day for today, else with its date; the zone stands at the top of the page. */
export function shortInstant(text) {
  const moment = new Date(text);
  const today = moment.toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(locale(), {
    ...(today ? {} : { month: "short", day: "numeric" }), hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  }).format(moment);
}

export function zone() {
  const parts = new Intl.DateTimeFormat(locale(), { timeZoneName: "short" }).formatToParts(new Date());
  return parts.find((part) => part.type === "timeZoneName")?.value ?? "UTC";
}

/** A time of day with its day, for when something is due. */
export function dayInstant(text) {
  return new Intl.DateTimeFormat(locale(), { weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false })
    .format(new Date(text));
}

const unit = (value, name) => new Intl.NumberFormat(locale(), { style: "unit", unit: name, unitDisplay: "narrow" }).format(value);

/** A span in its two greatest units: 2d 4h, 3h 12m, 45s. */
export function span(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  const [days, hours, minutes] = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60];
  if (days) return hours ? `${unit(days, "day")} ${unit(hours, "hour")}` : unit(days, "day");
  if (hours) return minutes ? `${unit(hours, "hour")} ${unit(minutes, "minute")}` : unit(hours, "hour");
  return minutes ? unit(minutes, "minute") : unit(whole, "second");
}

/** A span that a contract states: 24h and 72h stay hours, as people say them. */
export function term(seconds) {
  return seconds % 3600 === 0 && seconds <= 96 * 3600 ? unit(seconds / 3600, "hour") : span(seconds);
}

/** How long ago, roughly. */
export function ago(text, now = Date.now()) {
  const seconds = Math.max(0, Math.round((now - new Date(text).getTime()) / 1000));
  const unit = seconds < 60 ? ["second", seconds] : seconds < 3600 ? ["minute", Math.floor(seconds / 60)]
    : seconds < 86400 ? ["hour", Math.floor(seconds / 3600)] : ["day", Math.floor(seconds / 86400)];
  return new Intl.RelativeTimeFormat(locale(), { numeric: "auto" }).format(-unit[1], unit[0]);
}

export function word(family, value) {
  const key = `${family}_${value}`;
  return has(key) ? t(key) : String(value).replaceAll("_", " ");
}

/** The one line that says what an alert is about. */
export function headline(alert) {
  const about = alert.subject;
  if (alert.kind === "overloaded") {
    return t("headline_overloaded", { over: tonnes(about.over_kg), percent: number(about.over_percent, 1) });
  }
  if (about.finding) return about.title || word("fault", alert.kind);
  if (alert.kind === "incident") return word("headline_incident", about.reason);
  if (alert.kind === "evasion_suspected") return word("evasion", about.evasion);
  return word("fault", alert.kind);
}

/** The one line that says what a ticket is about: a fault, or the incident behind many. */
export function repair(ticket) {
  return has(`headline_incident_${ticket.reason}`) ? word("headline_incident", ticket.reason) : word("fault", ticket.fault);
}

/** What that means, in a sentence. */
export function repairExplained(ticket) {
  return has(`explain_incident_${ticket.reason}`) ? word("explain_incident", ticket.reason) : word("explain", ticket.fault);
}

/** What a fault means, in a sentence. */
export function explanation(alert) {
  if (alert.kind === "overloaded") {
    const about = alert.subject;
    if (about.rule && about.measured_kg !== about.gross_kg) {
      return t("explain_overloaded_part", {
        measured: tonnes(about.measured_kg), limit: tonnes(about.limit_kg), over: kilograms(about.over_kg),
        percent: number(about.over_percent, 1),
      });
    }
    return t("explain_overloaded", {
      gross: tonnes(about.gross_kg), limit: tonnes(about.limit_kg), over: kilograms(about.over_kg),
      percent: number(about.over_percent, 1), axles: about.axles,
    });
  }
  if (alert.subject.finding) return alert.subject.note || t("found_by", { source: alert.subject.source });
  if (alert.kind === "incident") return word("explain_incident", alert.subject.reason);
  if (alert.kind === "evasion_suspected") return word("evades", alert.subject.evasion);
  return word("explain", alert.kind);
}

/** The measurement that decided, against its limit, in a sentence. */
export function evidence(subject) {
  const found = subject.evidence;
  // A reason says more than the figure that was measured: the same figure may speak for several faults.
  const key = has(`evidence_${subject.reason}`) ? subject.reason : found?.measure;
  if (!found || !has(`evidence_${key}`)) return "";
  const share = found.measure.endsWith("_share");
  const seconds = found.measure.startsWith("seconds");
  const show = (value) => (share ? percent(value) : seconds ? number(value) : number(value, 4));
  return t(`evidence_${key}`, {
    value: show(found.value), limit: show(found.threshold), reason: word("reason", subject.reason),
  });
}
