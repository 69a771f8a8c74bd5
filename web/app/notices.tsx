import { gpu, modelProblem, startEngine } from './engine.ts';
import { update } from './offline.ts';

/** What stands in the way of working, and the way out. */
export function Notices() {
  const now = gpu.value;
  return (
    <div class="notices" role="alert">
      {now.state === 'failed' && <p class="notice">{now.problem}</p>}
      {now.state === 'lost' && (
        <p class="notice">
          The GPU went away ({now.problem}). What you wrote and every saved run are still here.{' '}
          <button type="button" onClick={() => void startEngine()}>
            Start the GPU again
          </button>
        </p>
      )}
      {modelProblem.value && <p class="notice">{modelProblem.value}</p>}
      {update.value && (
        <p class="notice">
          A new version of this app is here.{' '}
          <button type="button" onClick={update.value}>
            Reload
          </button>
        </p>
      )}
    </div>
  );
}
