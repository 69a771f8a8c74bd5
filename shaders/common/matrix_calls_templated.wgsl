// The newer form of the built-ins: the order of elements is a template argument.

fn load_left(at: u32) -> Left { return subgroupMatrixLoad<Left, row_major>(&x_tile, at, STRIDE); }

fn load_right(at: u32) -> Right { return subgroupMatrixLoad<Right, col_major>(&w_tile, at, STRIDE); }

fn store_result(at: u32, m: Result) { subgroupMatrixStore<row_major>(&results, at, m, MAT_N); }
