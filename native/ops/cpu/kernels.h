// The inner loops of the arithmetic, once per instruction set. gemm.cpp and the eigensolver choose a set at run time.
#pragma once

#include <cstdint>

#include "core/cpu.h"
#include "ops/gemm.h"
#include "ops/vector.h"

namespace amalgam::ops::cpu {

/// Copies `count` vectors of `depth` numbers into strips `width` wide (the tile's rows or cols): element d of vector i
/// is read at source[i * vector_stride + d * depth_stride] and goes to strip i / width, at [d][i % width]. The last
/// strip is filled up with zeros.
template <typename Source, typename Sum>
using Pack = void (*)(const Source* source, std::int64_t vector_stride, std::int64_t depth_stride, std::int64_t count,
                      std::int64_t depth, Sum* out);

/// A part of C, row-major with `stride` numbers from row to row.
template <typename Sum>
struct Target {
  Sum* c;
  std::int64_t stride;
  std::int64_t rows;
  std::int64_t cols;
};

/// The target = or += packed a times packed b over `depth` steps.
template <typename Sum>
using Multiply = void (*)(std::int64_t depth, const Sum* a, const Sum* b, Target<Sum> target, bool accumulate);

/// One strip of columns of x^T x, from the top to the diagonal: x lies packed in strips of tile_cols vectors, of which
/// number `strip` is the right factor. The target is the strip's columns, with as many rows as are wanted.
template <typename Sum>
using MultiplySymmetric = void (*)(std::int64_t depth, const Sum* packed, std::int64_t strip, Target<Sum> target,
                                   bool accumulate);

template <typename Sum>
struct GemmKernel;

template <>
struct GemmKernel<float> {
  std::int64_t tile_rows;
  std::int64_t tile_cols;
  std::int64_t k_block;  ///< steps that are packed together
  Multiply<float> multiply;
  MultiplySymmetric<float> multiply_symmetric;
  Multiply<float> multiply_in_runs;
  MultiplySymmetric<float> multiply_symmetric_in_runs;
  Pack<float, float> pack_rows_f32;
  Pack<float, float> pack_cols_f32;
  Pack<Bf16, float> pack_cols_bf16;
  Pack<F16, float> pack_cols_f16;
};

template <>
struct GemmKernel<double> {
  std::int64_t tile_rows;
  std::int64_t tile_cols;
  std::int64_t k_block;  ///< steps that are packed together
  Multiply<double> multiply;
  MultiplySymmetric<double> multiply_symmetric;
  Pack<float, double> pack_rows_f32;
  Pack<double, double> pack_rows_f64;
  Pack<float, double> pack_cols_f32;
  Pack<double, double> pack_cols_f64;
};

struct Kernels {
  GemmKernel<float> f32;
  GemmKernel<double> f64;
  VectorOps vector;
};

extern const Kernels portable_kernels;
#if defined(__x86_64__)
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;
#endif

#if defined(__x86_64__)
/// Every float of a factor is the bits of two bfloat16 numbers; needs core::has_bf16_products().
extern const GemmKernel<float> avx512_bf16_pairs;
#endif

/// The kernel for pairs of bfloat16 numbers, or nullptr where `set` or this processor has none.
const GemmKernel<float>* pair_kernel(core::InstructionSet set);

/// `set` must be one that this processor has.
const Kernels& kernels(core::InstructionSet set);

}  // namespace amalgam::ops::cpu
