// Lines and points of the residual stream's path. Each instance is a quad that faces the eye, made from vertex_index: a line
// becomes the rectangle around a capsule, a point the square around a disc, an arrow's head a triangle. What lies outside of the
// shape is given no coverage, and alpha-to-coverage makes of that smooth edges under MSAA: depth is right at every sample, and
// nothing has to be sorted.

struct View {
  matrix: mat4x4f,
  size: vec2f, // pixels of the device
  ratio: f32, // device pixels of one CSS pixel
  focus: f32, // distance of the target: what is there has its nominal size
  // Distances from the eye where the fog begins and where it is densest, and how dense.
  fog: vec4f,
  background: vec4f,
  palette: array<vec4f, 8>, // linear in the canvas' own encoding: colours are written as they are
}

@group(0) @binding(0) var<uniform> view: View;

struct Instance {
  @location(0) start: vec3f,
  @location(1) end: vec3f,
  @location(2) size: f32, // CSS pixels: width of a line, diameter of a point, length of a head
  @location(3) fade: f32, // towards the background, 0 to 1
  @location(4) colour: u32,
  @location(5) shape: u32,
}

const LINE = 0u;
const POINT = 1u;
const RING = 2u;
const HEAD = 3u;
const NEAR = 0.02;

struct Varying {
  @builtin(position) position: vec4f,
  // Of a line: along it from its start, and across it, in pixels. Else from the middle.
  @location(0) @interpolate(linear) at: vec2f,
  // Half the width or the radius; the line's length.
  @location(1) @interpolate(flat) extent: vec2f,
  @location(2) @interpolate(flat) shape: u32,
  @location(3) @interpolate(linear) colour: vec3f,
}

@vertex
fn quad(in: Instance, @builtin(vertex_index) index: u32) -> Varying {
  let corner = vec2f(f32(index & 1u), f32(index >> 1u)) * 2.0 - 1.0;
  var a = view.matrix * vec4f(in.start, 1.0);
  var b = view.matrix * vec4f(in.end, 1.0);
  // What is behind the eye has no place in the picture: the line ends at the near plane.
  if (a.w < NEAR && b.w >= NEAR) { a = mix(a, b, (NEAR - a.w) / (b.w - a.w)); }
  if (b.w < NEAR && a.w >= NEAR) { b = mix(b, a, (NEAR - b.w) / (a.w - b.w)); }

  let middle = view.size * 0.5;
  let pa = a.xy / a.w * middle;
  let pb = b.xy / b.w * middle;
  let span = pb - pa;
  let reach = length(span);
  let along = select(vec2f(1.0, 0.0), span / max(reach, 1e-6), reach > 1e-4);
  let across = vec2f(-along.y, along.x);

  let end = select(b, a, corner.x < 0.0);
  let pixels = in.size * view.ratio * clamp(view.focus / end.w, 0.55, 1.9);
  var out: Varying;
  var place: vec2f;
  let margin = 1.0;
  if (in.shape == LINE) {
    let radius = max(pixels * 0.5, 0.5);
    out.at = vec2f(select(reach + radius + margin, -radius - margin, corner.x < 0.0), corner.y * (radius + margin));
    out.extent = vec2f(radius, reach);
    place = pa + along * out.at.x + across * out.at.y;
  } else if (in.shape == HEAD) {
    // A head longer than its arrow would point out of the wrong end.
    let size = min(in.size * view.ratio * clamp(view.focus / b.w, 0.55, 1.9), max(reach, 3.0 * view.ratio));
    out.at = vec2f(select(1.0, -size - 1.0, corner.x < 0.0), corner.y * (size * 0.45 + 1.0));
    out.extent = vec2f(size, 0.0);
    place = pb + along * out.at.x + across * out.at.y;
  } else {
    let size = in.size * view.ratio * clamp(view.focus / a.w, 0.55, 1.9) * 0.5;
    out.at = corner * (size + margin);
    out.extent = vec2f(size, 0.0);
    place = pa + out.at;
  }
  var clip = select(end, a, in.shape == POINT || in.shape == RING);
  clip = select(clip, b, in.shape == HEAD);
  // Points before lines, and what was drawn last before what lies on the same place.
  let lift = select(0.0, 2e-4, in.shape != LINE);
  let depth = clamp(clip.z / clip.w - lift, 0.0, 1.0);
  out.position = vec4f(place / middle * clip.w, depth * clip.w, clip.w);
  if (a.w < NEAR && b.w < NEAR) { out.position = vec4f(2.0, 2.0, 2.0, 1.0); }

  let mist = smoothstep(view.fog.x, view.fog.y, clip.w) * view.fog.z;
  let faded = 1.0 - (1.0 - in.fade) * (1.0 - mist);
  out.colour = mix(view.palette[in.colour].rgb, view.background.rgb, faded);
  out.shape = in.shape;
  return out;
}

@fragment
fn covered(in: Varying) -> @location(0) vec4f {
  var coverage = 0.0;
  if (in.shape == LINE) {
    let beyond = in.at.x - clamp(in.at.x, 0.0, in.extent.y);
    coverage = in.extent.x + 0.5 - length(vec2f(beyond, in.at.y));
  } else if (in.shape == HEAD) {
    // Half as wide as long less a tenth; the tip at 0, the base at −length.
    let side = (-in.at.x * 0.45 - abs(in.at.y)) * 0.912;
    coverage = min(side, in.at.x + in.extent.x) + 0.5;
  } else {
    let away = length(in.at);
    coverage = in.extent.x + 0.5 - away;
    if (in.shape == RING) {
      let hole = in.extent.x * 0.52;
      // The middle of a ring is filled with the background, so that the line does not run through it.
      if (away < hole) { return vec4f(view.background.rgb, 1.0); }
    }
  }
  return vec4f(in.colour, clamp(coverage, 0.0, 1.0));
}
