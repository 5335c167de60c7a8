// The clocks of a ticket: how much is left, as a bar and in words. A clock that stands, stands here, too.

import { el, svg } from "./dom.js";
import { dayInstant, instant, span, term } from "./format.js";
import { t } from "./words.js";

const NAMES = ["response", "repair"];
const PRESSING = 0.25;

/** The clocks that a contract sets, as {name, within_s, due_at, left_s, state}. */
export function clocksOf(ticket) {
  return NAMES.map((name) => ({ name, ...ticket[name] }))
    .filter((clock) => clock.state && clock.state !== "none");
}

/** Whether anything is still waited for: a clock that was answered, in time or not, has nothing left to say. */
const waits = (clock) => clock.left_s !== null && clock.left_s !== undefined;

/** Seconds left now of a clock that was told at `asked` (milliseconds); a clock that stands loses none. */
function left(clock, asked) {
  const passed = clock.state === "held" ? 0 : (Date.now() - asked) / 1000;
  return clock.left_s - passed;
}

/** How it stands, for colours: good, warning, critical or over (and was kept or broken). */
function mood(clock, asked) {
  if (clock.state === "kept") return "good";
  if (clock.state === "broken" || !waits(clock)) return "critical";
  const seconds = left(clock, asked);
  if (seconds <= 0) return "critical";
  return seconds < PRESSING * (clock.within_s || 1) ? "warning" : "good";
}

function sentence(clock, asked) {
  if (clock.state === "kept") return t("clock_kept");
  if (!waits(clock)) return t("clock_broken");
  const seconds = left(clock, asked);
  if (seconds <= 0) return t("clock_over", { time: span(-seconds) });
  return clock.state === "held" ? t("clock_held", { time: span(seconds) }) : t("clock_left", { time: span(seconds) });
}

/** All clocks of a ticket with bars. */
export function faces(ticket, asked) {
  return clocksOf(ticket).map((clock) => {
    const feeling = mood(clock, asked);
    const share = !waits(clock) || clock.state === "broken" ? 1
      : Math.min(1, Math.max(0, left(clock, asked) / (clock.within_s || 1)));
    return el("div", { class: `clock clock-${feeling} clock-is-${clock.state}` },
      el("span", { class: "clock-name" }, t(`clock_${clock.name}`)),
      el("b", { class: "clock-left" }, sentence(clock, asked)),
      svg("svg", { class: "clock-bar", viewBox: "0 0 100 4", preserveAspectRatio: "none", "aria-hidden": "true", focusable: "false" },
        svg("rect", { class: "clock-all", x: 0, y: 0, width: 100, height: 4 }),
        svg("rect", { class: "clock-rest", x: 0, y: 0, width: share * 100, height: 4 })),
      el("span", { class: "quiet small" }, [
        clock.within_s ? t("clock_within", { time: term(clock.within_s) }) : "",
        clock.due_at && clock.state === "running" ? t("clock_due", { when: dayInstant(clock.due_at) }) : "",
      ].filter(Boolean).join(" · ")));
  });
}

/** The clock that presses most, as one small sign for a list; null where none runs. */
export function pressing(ticket, asked) {
  const [clock] = clocksOf(ticket).filter(waits).sort((a, b) => left(a, asked) - left(b, asked));
  if (!clock) return null;
  return el("span", { class: `chip chip-clock-${mood(clock, asked)}`, title: clock.due_at ? instant(clock.due_at) : null },
    `${t(`clock_${clock.name}`)} · ${sentence(clock, asked)}`);
}
