/**
 * For programs that use trimtab as a library under Node: `node --import trimtab/adapter program.mjs` gives them an adapter as
 * the command has one, on SwiftShader where the machine offers none.
 */
import { UserError } from '../gpu/errors.ts';
import { ensureAdapter } from './adapter.ts';

const code = await ensureAdapter().catch((error: unknown) => {
  if (!(error instanceof UserError)) throw error;
  process.stderr.write(`error: ${error.message}\n`);
  return 2;
});
if (code !== undefined) process.exit(code);
