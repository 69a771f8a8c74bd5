import { roundUp, type Tensor } from './tensor.ts';

/** Rows of a matrix that lie in one buffer: of one type, and no more than one binding takes. */
interface MatrixPart {
  /** [rows, columns] in blocks. */
  readonly tensor: Tensor;
  /** Which row of the matrix its first one is. */
  readonly firstRow: number;
}

/** A frozen matrix [rows, columns], its parts in the order of their rows. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly parts: readonly MatrixPart[];
}

/** Stacks tensors of equal columns. */
export function matrixOf(tensors: readonly Tensor[]): Matrix {
  const columns = tensors[0]?.shape[1] ?? 0;
  let rows = 0;
  const parts = tensors.map((tensor) => {
    const part = { tensor, firstRow: rows };
    rows += tensor.shape[0] as number;
    return part;
  });
  return { rows, columns, parts };
}

/** Some rows of one part. */
interface MatrixSlice {
  readonly tensor: Tensor;
  /** Within the tensor. */
  readonly firstBlockRow: number;
  readonly rows: number;
  /** Rows of the range before this slice. */
  readonly offset: number;
}

/** Cuts rows [first, first + rows) at the borders of the parts. The first row of every slice must begin a row of blocks. */
export function sliceRows(matrix: Matrix, first: number, rows: number): MatrixSlice[] {
  const end = first + rows;
  const slices: MatrixSlice[] = [];
  for (const { tensor, firstRow } of matrix.parts) {
    const from = Math.max(first, firstRow);
    const to = Math.min(end, firstRow + (tensor.shape[0] as number));
    if (from >= to) continue;
    const local = from - firstRow;
    if (local !== roundUp(local, 4)) throw new Error(`${tensor.label}: row ${local} does not begin a row of blocks`);
    slices.push({ tensor, firstBlockRow: local / 4, rows: to - from, offset: from - first });
  }
  return slices;
}
