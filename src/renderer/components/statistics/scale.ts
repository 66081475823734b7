/** A round axis maximum at or above a value, with the ticks up to it; whole numbers only. */
export function countAxis(greatest: number): { max: number; ticks: number[] } {
  const wanted = Math.max(1, greatest);
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [0.2, 0.5, 1, 2, 5].map((share) => share * power).find((each) => each * 4 >= wanted) ?? power;
  const whole = Math.max(1, Math.ceil(step));
  const max = Math.ceil(wanted / whole) * whole;
  return { max, ticks: Array.from({ length: max / whole + 1 }, (_, index) => index * whole) };
}

/** Which of `n` places get a label so that labels of `width` pixels do not touch in `room` pixels; the last one always. */
export function labelled(n: number, room: number, width: number): Set<number> {
  const every = Math.max(1, Math.ceil(n / Math.max(1, Math.floor(room / width))));
  const places = new Set<number>();
  for (let place = n - 1; place >= 0; place -= every) places.add(place);
  return places;
}
