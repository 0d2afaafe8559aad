// Numbers and times as text, in the same formats as the report.

export const NONE = "–";

// 60000 as `60,000`, 0.954321 as `0.9543`, and 1e15 and more as `1.234e+15`.
export function number(value) {
  if (value == null) return NONE;
  if (!Number.isFinite(value)) return String(value);
  if (Math.abs(value) >= 1e15) return value.toExponential(3).replace(/\.?0+e/, "e");
  if (Number.isInteger(value)) return value.toLocaleString("en-US");
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en-US");
  return String(Number(value.toPrecision(4)));
}

// A loss with four decimals, so that a column of them lines up.
export function loss(value) {
  if (value == null || !Number.isFinite(value)) return number(value);
  const size = Math.abs(value);
  return value === 0 || (size >= 1e-3 && size < 1000) ? value.toFixed(4) : number(value);
}

// A metric in its own format: 0.9588 as `95.88%` or as `0.9588`.
export function metric(value, format) {
  if (value == null || !Number.isFinite(value)) return number(value);
  return format === "percent" ? `${(100 * value).toFixed(2)}%` : number(value);
}

export function rate(value) {
  return number(value == null ? value : Math.round(value));
}

// 42 as `42 s`, 185 as `3 min 05 s`, 7400 as `2 h 03 min`, 200000 as `2 d 07 h`.
export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return NONE;
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)} d ${two(hours % 24)} h`;
}

// Seconds since 1970 as a local date and time.
export function moment(time) {
  const at = new Date(time * 1000);
  if (time == null || Number.isNaN(at.getTime())) return NONE; // no calendar has it
  const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(two).join("-");
  return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":")}`;
}

// The same for programs; nothing if no calendar has it.
export function iso(time) {
  const at = new Date(time * 1000);
  return Number.isNaN(at.getTime()) ? undefined : at.toISOString();
}

export function count(num, one, many = `${one}s`) {
  return `${number(num)} ${num === 1 ? one : many}`;
}

function two(value) {
  return String(value).padStart(2, "0");
}
