/** Room for as many new ids above it, all of them exact as numbers. */
const largest = 2 ** 52;

/** Whether an id of a file can be kept: ids given later go on above the highest, and must stay exact. */
export function isKeepableId(id: number | null, smallest = 0): id is number {
  return id !== null && Number.isSafeInteger(id) && id >= smallest && id <= largest;
}
