// The way back of keep_rows: row r of every part = its units of kept[rows[r]].
// A lane owns one unit of one row of part workgroup.z; bandwidth-bound.

struct Move { inside: bool, part: u32, kept: u32 }

fn row_unit(i: u32, width: u32, offset: u32) -> Move {
  let r = i / width;
  let unit = i - r * width;
  let inside = r < params.n;
  return Move(inside, i, rows[select(0u, r, inside)] * params.stride + offset + unit);
}

@compute @workgroup_size(WG)
fn load_rows(@builtin(workgroup_id) wg: vec3u, @builtin(num_workgroups) nwg: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (wg.x + wg.y * nwg.x) * WG + lane;
  let at2 = params.w0 + params.w1;
  let at3 = at2 + params.w2;
  let at4 = at3 + params.w3;
  let at5 = at4 + params.w4;
  switch wg.z {
    case 0u: { let m = row_unit(i, params.w0, 0u); if (m.inside) { part0[m.part] = kept[m.kept]; } }
    case 1u: { let m = row_unit(i, params.w1, params.w0); if (m.inside) { part1[m.part] = kept[m.kept]; } }
    case 2u: { let m = row_unit(i, params.w2, at2); if (m.inside) { part2[m.part] = kept[m.kept]; } }
    case 3u: { let m = row_unit(i, params.w3, at3); if (m.inside) { part3[m.part] = kept[m.kept]; } }
    case 4u: { let m = row_unit(i, params.w4, at4); if (m.inside) { part4[m.part] = kept[m.kept]; } }
    default: { let m = row_unit(i, params.w5, at5); if (m.inside) { part5[m.part] = kept[m.kept]; } }
  }
}
