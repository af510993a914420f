import { InvalidArgumentError, Option } from 'commander'

/** `--map dense_1=fc1`, as often as there are layers. */
export const mapOption = (what: string): Option =>
  new Option('--map <ours=theirs>', `${what}: dense_1=fc1; may be given several times`)
    .argParser(pair)
    .default({}, 'none')

function pair(text: string, before: Record<string, string>): Record<string, string> {
  const [ours, theirs, ...more] = text.split('=')
  if (ours && theirs && more.length === 0) return { ...before, [ours]: theirs }
  throw new InvalidArgumentError('Expected ours=theirs, as dense_1=fc1.')
}
