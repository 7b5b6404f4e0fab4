// Operations on vectors of doubles, for the eigensolver. Like the matrix products they give equal bits on every
// processor with fused multiply-add.
#pragma once

#include <cstdint>

#include "core/cpu.h"

namespace amalgam::ops {

/// A plane rotation of rows `row` and `row` + 1: (x, y) becomes (c x - s y, s x + c y).
struct Rotation {
  std::int64_t row;
  double c;
  double s;
};

/// The operations for one instruction set. Vectors that are written must not overlap those that are read.
struct VectorOps {
  /// sum x[i] y[i]: 32 running sums over i mod 32, added pairwise at the end, then the last n mod 32 products in order.
  double (*dot)(const double* x, const double* y, std::int64_t n);
  /// y += alpha x
  void (*axpy)(double alpha, const double* x, double* y, std::int64_t n);
  /// Applies `count` rotations in order to columns [begin, end) of the row-major matrix z with rows of `stride`
  /// numbers.
  void (*rotate)(double* z, std::int64_t stride, std::int64_t begin, std::int64_t end, const Rotation* rotations,
                 std::int64_t count);
};

/// `set` must be one that this processor has.
const VectorOps& vector_ops(core::InstructionSet set);

}  // namespace amalgam::ops
