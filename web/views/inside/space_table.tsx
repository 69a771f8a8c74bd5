import type { PathResult } from '../../worker/residual_path.ts';
import { layerName, shownToken } from './space_scene.ts';

interface SpaceTableProps {
  readonly path: PathResult;
  readonly token: number;
  readonly layer: number | undefined;
  readonly onLayer: (layer: number) => void;
}

/** What the picture shows of one token, in numbers of the whole states and not of their projections. */
export function SpaceTable({ path, token, layer, onLayer }: SpaceTableProps) {
  const { steered, baseNorms, layers } = path;
  const at = (numbers: Float32Array, l: number) => numbers[token * (layers + 1) + l] as number;
  return (
    <div class="scroll">
      <table class="space-table">
        <caption>
          The states of <code>{shownToken(path.tokens[token]?.text ?? '')}</code>
        </caption>
        <thead>
          <tr>
            <th scope="col">After</th>
            <th scope="col">|resid| base</th>
            {steered && (
              <>
                <th scope="col">|resid| steered</th>
                <th scope="col">Distance</th>
                <th scope="col">Cosine</th>
              </>
            )}
          </tr>
        </thead>
        <tbody>
          {Array.from({ length: layers + 1 }, (_, l) => (
            <tr key={l} data-marked={l === layer}>
              <th scope="row">
                <button type="button" aria-pressed={l === layer} onClick={() => onLayer(l)}>
                  {layerName(l)}
                </button>
              </th>
              <td>{figure(at(baseNorms, l))}</td>
              {steered && (
                <>
                  <td>{figure(at(steered.norms, l))}</td>
                  <td>{figure(at(steered.distances, l))}</td>
                  <td>{at(steered.cosines, l).toFixed(3)}</td>
                </>
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Three digits, so that columns of very different layers can be read. */
function figure(x: number): string {
  if (x === 0) return '0';
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
}
