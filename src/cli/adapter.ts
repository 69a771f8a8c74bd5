import { createGPU } from '#platform';
import { UserError } from '../gpu/errors.ts';
import { hasSwiftShader, mayHaveNativeAdapter, swiftShaderEnvironment } from '../gpu/swiftshader.node.ts';
import { obeyFirstProcess, startAgain } from './second_process.ts';

/** Set in the second process, so that it never starts a third. */
const GUARD = 'TRIMTAB_ON_SWIFTSHADER';

/** Whether this process was started again on SwiftShader because the machine offers no adapter. */
export function onFallbackAdapter(): boolean {
  return process.env[GUARD] === '1';
}

/**
 * Makes sure that this process has a WebGPU adapter. Where the machine offers none, the process is started once more
 * in an environment that has SwiftShader, and this one lives on only to pass on signals and the exit code.
 *
 * TRIMTAB_ADAPTER is `auto`, `native` (never start again) or `swiftshader` (always).
 *
 * @returns the exit code of the second process, or undefined in the process that is to do the work.
 */
export async function ensureAdapter(): Promise<number | undefined> {
  if (onFallbackAdapter()) {
    obeyFirstProcess();
    return undefined;
  }
  const choice = process.env.TRIMTAB_ADAPTER || 'auto';
  if (!['auto', 'native', 'swiftshader'].includes(choice)) {
    throw new UserError(`TRIMTAB_ADAPTER is "${choice}"; it can be auto, native or swiftshader`);
  }
  if (choice === 'native') return undefined;
  if (choice === 'auto') {
    if (!hasSwiftShader()) return undefined;
    if (mayHaveNativeAdapter() && (await hasAdapter())) return undefined;
  }
  return startAgain({ ...process.env, ...(await swiftShaderEnvironment()), [GUARD]: '1' });
}

async function hasAdapter(): Promise<boolean> {
  try {
    return (await (await createGPU()).requestAdapter({ powerPreference: 'high-performance' })) !== null;
  } catch {
    return false;
  }
}
