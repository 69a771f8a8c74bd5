// An older form of the built-ins: the order of elements is an argument, whether columns are stored together.

fn load_left(at: u32) -> Left { return subgroupMatrixLoad<Left>(&x_tile, at, false, STRIDE); }

fn load_right(at: u32) -> Right { return subgroupMatrixLoad<Right>(&w_tile, at, true, STRIDE); }

fn store_result(at: u32, m: Result) { subgroupMatrixStore(&results, at, m, false, MAT_N); }
