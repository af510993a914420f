import { expect, it } from 'vitest'
import { Exit, report } from '../../src/cli/exit.ts'
import { UserError, withSuppressed } from '../../src/errors.ts'

it('an error is told with what failed after it, the same thing once', () => {
  const full = () => new UserError('last.ckpt: could not be written (ENOSPC)')
  const root = withSuppressed(withSuppressed(full(), full()), new Error('a callback failed'))
  expect(report(root, false)).toEqual({
    code: Exit.badInput,
    message: 'last.ckpt: could not be written (ENOSPC)\nThen: a callback failed',
  })
})
