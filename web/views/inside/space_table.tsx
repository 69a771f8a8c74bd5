import { Table } from '../../ui/table.tsx';
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
  const column = (head: string, numbers: Float32Array, shown: (x: number) => string) => ({
    head,
    number: true,
    cell: (l: number) => shown(numbers[token * (layers + 1) + l] as number),
  });
  return (
    <div class="space-table">
      <Table
        caption={`The states of the token “${shownToken(path.tokens[token]?.text ?? '')}”`}
        rows={Array.from({ length: layers + 1 }, (_, l) => l)}
        id={(l) => l}
        columns={[
          {
            head: 'After',
            cell: (l) => (
              <button type="button" aria-pressed={l === layer} onClick={() => onLayer(l)}>
                {layerName(l)}
              </button>
            ),
          },
          column('Length, base', baseNorms, figure),
          ...(steered
            ? [
                column('Length, steered', steered.norms, figure),
                column('Distance', steered.distances, figure),
                column('Cosine', steered.cosines, (x) => x.toFixed(3)),
              ]
            : []),
        ]}
      />
    </div>
  );
}

/** Three digits, so that columns of very different layers can be read. */
function figure(x: number): string {
  if (x === 0) return '0';
  return x >= 100 ? x.toFixed(0) : x >= 10 ? x.toFixed(1) : x.toFixed(2);
}
