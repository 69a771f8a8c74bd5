import { Recorder } from '../gpu/recorder.ts';

/** Takes everything and records nothing: for operations whose results are already there. */
export class SilentRecorder extends Recorder {
  override dispatch(): void {}
  override copy(): void {}
  override clear(): void {}
}
