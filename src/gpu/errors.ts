/** A mistake in what the user gave: shown as its message alone, exit code 2. The text says what, where and the way out. */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** The GPU refused work (validation, out of memory, shader compilation): the step that caused it did not happen. */
export class GpuError extends Error {
  override readonly name = 'GpuError';
}

/** The device went away (driver reset, watchdog, removed): nothing on it can be read any more. */
export class DeviceLostError extends Error {
  override readonly name = 'DeviceLostError';
}
