import { spawnSync } from 'node:child_process';
import { hasSwiftShader, mayHaveNativeAdapter, swiftShaderEnvironment } from '../../src/gpu/swiftshader.node.ts';

/**
 * What the processes of the `node` project start with: nothing where the machine has an adapter of its own, SwiftShader
 * where it has not. TRIMTAB_ADAPTER forces one of them, as it does for the command. What was measured here before decides
 * nothing.
 */
export async function nodeEnvironment(): Promise<Record<string, string>> {
  const choice = process.env.TRIMTAB_ADAPTER || 'auto';
  const native =
    choice === 'native' || (choice === 'auto' && (!hasSwiftShader() || (mayHaveNativeAdapter() && hasAdapter())));
  return { TRIMTAB_TUNING: 'off', ...(native ? {} : await swiftShaderEnvironment()) };
}

/** Asked in a process of its own: this one is to stay free of Dawn. */
function hasAdapter(): boolean {
  const script = `
    const { create } = await import('webgpu');
    process.exit((await create([]).requestAdapter()) ? 0 : 1);`;
  return (
    spawnSync(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore', timeout: 60_000 }).status ===
    0
  );
}
