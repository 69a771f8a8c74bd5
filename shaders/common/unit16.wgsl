// Rows whose length is a multiple of 16 are moved sixteen floats at a time: on a processor one bounds check for all of them.
alias Unit = mat4x4f;
const WIDTH = 16u;
