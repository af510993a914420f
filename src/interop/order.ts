/** What something is made of, each part after what it is made of itself, and the whole last. Nothing else is in it. */

/** @param circle is called with what is made of itself, and throws */
export function inOrder(
  whole: string,
  partsOf: (one: string) => readonly string[],
  circle: (one: string) => never,
): Iterable<string> {
  const done = new Set<string>()
  const open = new Set<string>()
  // Not by recursion: a stranger's file may be deeper than the stack.
  const stack = [whole]
  while (stack.length > 0) {
    const one = stack.at(-1)!
    const missing = done.has(one) ? [] : partsOf(one).filter((part) => !done.has(part))
    if (missing.length === 0) {
      done.add(one)
      open.delete(one)
      stack.pop()
      continue
    }
    open.add(one)
    if (missing.some((part) => open.has(part))) circle(one)
    for (const part of missing.reverse()) stack.push(part)
  }
  return done
}
