// One language at a time, out of the one dictionary (words.json: key -> {en, zh}).

const KEPT = "citywatch.language";
let words = {};
let language = "en";

/** Load the dictionary once and choose the language: the remembered one, else the browser's. */
export async function loadWords() {
  const answer = await fetch("/console/words.json");
  words = await answer.json();
  let kept = null;
  try { kept = localStorage.getItem(KEPT); } catch { /* storage may be shut; then nothing is remembered */ }
  choose(kept || (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en"), false);
}

export function choose(wanted, remember = true) {
  language = wanted === "zh" ? "zh" : "en";
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  if (remember) {
    try { localStorage.setItem(KEPT, language); } catch { /* as above */ }
  }
}

export function currentLanguage() {
  return language;
}

/** The text of a key, with {name} filled in. A key without text shows itself, so that it is noticed. */
export function t(key, values = {}) {
  const text = words[key]?.[language] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}

export function has(key) {
  return key in words;
}
