/**
 * Takes the entries that came first out of a map, until so many are left.
 *
 * @param stays for those that are not to be taken out, however many they are
 */
export function forgetOldest<Key, Value>(
  map: Map<Key, Value>,
  most: number,
  stays: (key: Key, value: Value) => boolean,
): void {
  if (map.size <= most) return;
  for (const [key, value] of [...map]) {
    if (map.size <= most) return;
    if (!stays(key, value)) map.delete(key);
  }
}
