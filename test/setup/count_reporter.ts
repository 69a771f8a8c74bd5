import { writeSync } from 'node:fs';
import type { Reporter, TestModule } from 'vitest/node';

/** Ends the output with one line, `N passed, N failed, N skipped`, counted over all projects. */
export class CountReporter implements Reporter {
  #counts: { passed: number; failed: number; skipped: number } | undefined;

  onInit(): void {
    // On exit, so that nothing else can come after it.
    process.once('exit', (code) => {
      const { passed, failed, skipped } = this.#counts ?? { passed: 0, failed: 0, skipped: 0 };
      const failures = code !== 0 && failed === 0 ? 1 : failed;
      writeSync(1, `${passed} passed, ${failures} failed, ${skipped} skipped\n`);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    for (const module of modules) {
      let failedTests = 0;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') counts.passed++;
        else if (state === 'skipped') counts.skipped++;
        else failedTests++; // a test still pending never came to its end
      }
      // A file that does not even load has no tests that could fail.
      const brokenFile = failedTests === 0 && !module.ok() ? 1 : 0;
      counts.failed += failedTests + brokenFile;
    }
    this.#counts = counts;
  }
}
