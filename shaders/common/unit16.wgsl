// Rows whose length is a multiple of 16 are moved sixteen floats at a time: on a processor one bounds check for all of them.
// Sums are added in the order of unit4.wgsl.
alias Unit = vec4f;
alias Wide = mat4x4f;
const WIDTH = 16u;
fn unit_sum(v: Unit) -> f32 { return (v.x + v.y) + (v.z + v.w); }
fn unit_of(v: vec4f, at: u32) -> Unit { return v; }

fn wide(a: Unit, b: Unit, c: Unit, d: Unit) -> Wide { return Wide(a, b, c, d); }
fn part0(v: Wide) -> Unit { return v[0]; }
fn part1(v: Wide) -> Unit { return v[1]; }
fn part2(v: Wide) -> Unit { return v[2]; }
fn part3(v: Wide) -> Unit { return v[3]; }
fn wide_times(a: Wide, b: Wide) -> Wide { return Wide(a[0] * b[0], a[1] * b[1], a[2] * b[2], a[3] * b[3]); }
fn wide_dots(sum: Unit, a: Wide, b: Wide) -> Unit {
  return (((sum + a[0] * b[0]) + a[1] * b[1]) + a[2] * b[2]) + a[3] * b[3];
}
