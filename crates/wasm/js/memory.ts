/** Whether something that was thrown says that memory could not be had. */
export function isOutOfMemory(thrown: unknown): boolean {
  return thrown instanceof RangeError || (thrown instanceof Error && /out of memory|could not allocate/i.test(thrown.message));
}
