import { useLayoutEffect, useRef } from 'preact/hooks';
import { type ColourRange, paint } from '../../ui/heatmap_paint.ts';
import { useDark } from '../../ui/theme.ts';
import { pooled } from './attention_values.ts';

interface ThumbnailsProps {
  readonly heads: number;
  /** The map [T, T] of a head, or the mean of all. */
  readonly valuesOf: (head?: number) => Float32Array;
  readonly tokens: number;
  readonly range: ColourRange;
  readonly chosen: number | undefined;
  readonly onChoose: (head: number | undefined) => void;
}

const SIDE_PX = 68;
/** Between two thumbnails, so that the page is free in between. */
const PAUSE_MS = 4;

/** All heads of a layer side by side, and their mean: each is a button that shows it large. */
export function HeadThumbnails({ heads, chosen, onChoose, ...map }: ThumbnailsProps) {
  return (
    <fieldset class="inside-heads">
      <legend class="unseen">Head</legend>
      {[undefined, ...Array.from({ length: heads }, (_, h) => h)].map((head, order) => (
        <button key={head ?? 'mean'} type="button" aria-pressed={head === chosen} onClick={() => onChoose(head)}>
          <Thumbnail {...map} head={head} order={order} />
          <span>{head === undefined ? 'mean' : `head ${head}`}</span>
        </button>
      ))}
    </fieldset>
  );
}

interface ThumbnailProps extends Pick<ThumbnailsProps, 'valuesOf' | 'tokens' | 'range'> {
  readonly head: number | undefined;
  readonly order: number;
}

function Thumbnail({ valuesOf, tokens, range, head, order }: ThumbnailProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = useDark();
  useLayoutEffect(() => {
    const timer = setTimeout(() => {
      if (!canvas.current) return;
      const { values, side } = pooled(valuesOf(head), tokens, 2 * SIDE_PX);
      const cells = { values, rows: side, columns: side, range };
      paint(canvas.current, cells, { width: SIDE_PX, height: SIDE_PX, dark });
    }, PAUSE_MS * order);
    return () => clearTimeout(timer);
  }, [valuesOf, tokens, range, head, dark]);
  return <canvas ref={canvas} style={{ width: `${SIDE_PX}px`, height: `${SIDE_PX}px` }} />;
}
