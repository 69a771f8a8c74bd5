import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const bin = fileURLToPath(new URL('../../bin/trimtab.js', import.meta.url));

export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the built command in a process of its own, from the repository's root. An undefined variable is taken away. */
export function trimtab(
  args: readonly string[],
  env: Record<string, string | undefined> = {},
  input?: string,
): CommandResult {
  const options = { env: { ...process.env, ...env }, encoding: 'utf8', ...(input !== undefined && { input }) } as const;
  const result = spawnSync(process.execPath, [bin, ...args], options);
  if (result.error) throw result.error;
  return { code: result.status, stdout: result.stdout, stderr: result.stderr };
}

/** The same while this process goes on, to serve it for example. */
export async function trimtabBeside(
  args: readonly string[],
  env: Record<string, string | undefined> = {},
  input = '',
): Promise<CommandResult> {
  const child = spawn(process.execPath, [bin, ...args], { env: { ...process.env, ...env } });
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      out[name] += text;
    });
  }
  child.stdin.end(input);
  const code = await new Promise<number | null>((ended, failed) => child.on('close', ended).on('error', failed));
  return { code, ...out };
}
