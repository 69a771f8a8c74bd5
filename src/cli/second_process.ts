import { spawn } from 'node:child_process';

const FORWARDED = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
/** A terminal sends Ctrl-C to both processes: what the first passes on within this time is the same one. */
const SAME_SIGNAL_MS = 500;
const PATIENCE_MS = 100;

/** Runs this very command line once more with another environment. @returns its exit code. */
export function startAgain(env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
      env,
      stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    });
    const forward = (signal: NodeJS.Signals) => {
      if (child.connected) child.send(signal, () => {});
    };
    for (const signal of FORWARDED) process.on(signal, forward);
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      for (const name of FORWARDED) process.off(name, forward);
      if (signal) process.kill(process.pid, signal);
      resolve(code ?? 1);
    });
  });
}

/** For the second process: signals come over the channel, and when the first one is killed so is this one. */
export function obeyFirstProcess(): void {
  if (!process.channel) return;
  const last = new Map<NodeJS.Signals, number>();
  for (const signal of FORWARDED) {
    process.prependListener(signal, () => {
      last.set(signal, performance.now());
      // A listener takes away the default, which is to die of the signal: do that where nobody else handles it.
      if (process.listenerCount(signal) === 1) {
        process.removeAllListeners(signal);
        process.kill(process.pid, signal);
      }
    });
  }
  process.on('message', (signal: NodeJS.Signals) => {
    // The signal itself may come after the message about it.
    setTimeout(() => {
      const seen = last.get(signal) ?? Number.NEGATIVE_INFINITY;
      if (performance.now() - seen > SAME_SIGNAL_MS) process.kill(process.pid, signal);
    }, PATIENCE_MS);
  });
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  process.channel.unref();
}
