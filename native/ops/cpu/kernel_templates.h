// The inner loops, written once over a vector type. Included by one .cpp per instruction set, which names its vector
// types in an anonymous namespace, so that no instance of these templates is shared between files compiled for
// different processors. For the same reason nothing here calls an inline function of the standard library.
//
// A Simd type has: Number, Vector, width (numbers in a Vector), tile_rows and tile_vectors (the register tile of C),
// and
//   zero()  load(p)  store(p, v)  broadcast(x)  multiply_add(a, b, c): a * b + c for vectors and for single numbers,
// and for vectors of floats, where it pays, Bits (as many unsigned integers) and transpose(rows), which turns `width`
// vectors into those of their columns.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "ops/cpu/kernels.h"
#include "ops/cpu/vector_loops.h"

namespace amalgam::ops::cpu {

/// Exact widening of one stored number.
template <typename Sum, typename Source>
inline __attribute__((always_inline)) Sum widened(Source value) {
  if constexpr (__is_same(Source, Bf16)) {
    return static_cast<Sum>(__builtin_bit_cast(float, static_cast<std::uint32_t>(value) << 16));
  } else if constexpr (__is_same(Source, F16)) {
    // As core::f16_to_f32: the shifted bits are 2^112 too small when read as a float32; infinity and NaN are patched.
    const auto bits = static_cast<std::uint32_t>(value);
    const std::uint32_t magnitude = (bits & 0x7fffu) << 13;
    const auto scaled = __builtin_bit_cast(std::uint32_t, __builtin_bit_cast(float, magnitude) * 0x1p112f);
    const std::uint32_t wide = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : scaled;
    return static_cast<Sum>(__builtin_bit_cast(float, (bits & 0x8000u) << 16 | wide));
  } else {
    return static_cast<Sum>(value);
  }
}

/// out[q * width + i] = source[i * stride + q] for i and q below 4.
template <int width, typename Number, typename Source>
inline __attribute__((always_inline)) void transpose_4x4(const Source* source, std::int64_t stride, Number* out) {
#if defined(__x86_64__)
  if constexpr (__is_same(Source, float)) {
    __m128 row0 = _mm_loadu_ps(source);
    __m128 row1 = _mm_loadu_ps(source + stride);
    __m128 row2 = _mm_loadu_ps(source + 2 * stride);
    __m128 row3 = _mm_loadu_ps(source + 3 * stride);
    _MM_TRANSPOSE4_PS(row0, row1, row2, row3);
    const __m128 turned[] = {row0, row1, row2, row3};
    for (int q = 0; q < 4; ++q) {
      if constexpr (__is_same(Number, float)) {
        _mm_storeu_ps(out + q * width, turned[q]);
      } else {
        _mm_storeu_pd(out + q * width, _mm_cvtps_pd(turned[q]));
        _mm_storeu_pd(out + q * width + 2, _mm_cvtps_pd(_mm_movehl_ps(turned[q], turned[q])));
      }
    }
    return;
  }
#endif
  for (int i = 0; i < 4; ++i) {
    for (int q = 0; q < 4; ++q) out[q * width + i] = widened<Number>(source[i * stride + q]);
  }
}

/// Simd::Bits, or NoBits where there is none.
struct NoBits {};
template <typename Simd>
struct BitsOf {
  using Type = NoBits;
};
template <typename Simd>
  requires requires { typename Simd::Bits; }
struct BitsOf<Simd> {
  using Type = typename Simd::Bits;
};

template <typename Simd>
struct GemmLoops {
  using Number = typename Simd::Number;
  using Vector = typename Simd::Vector;
  static constexpr int rows = Simd::tile_rows;
  static constexpr int vectors = Simd::tile_vectors;
  static constexpr int cols = vectors * Simd::width;

  using Bits = typename BitsOf<Simd>::Type;

  /// Whether blocks of a strip are turned round in registers.
  template <int width, typename Source>
  static constexpr bool turns_blocks =
      !__is_same(Bits, NoBits) && width % Simd::width == 0 && !__is_same(Source, double);

  /// Depth of such a block: a register holds as many numbers of Source.
  template <typename Source>
  static constexpr int block_depth = Simd::width * static_cast<int>(sizeof(Number) / sizeof(Source));

  /// As widened() of the lower half of every lane.
  static __attribute__((always_inline)) Vector widened_halves(Bits bits) {
    const Bits magnitude = (bits & 0x7fffu) << 13;
    const Bits scaled = (Bits)((Vector)magnitude * Simd::broadcast(0x1p112f));
    const Bits wide = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : scaled;
    return (Vector)((bits & 0x8000u) << 16 | wide);
  }

  /// A block of Simd::width vectors and block_depth steps, each vector's steps side by side in `source`. Numbers of 16
  /// bits are turned round in pairs and parted afterwards.
  template <int width, typename Source>
  static __attribute__((always_inline)) void pack_block(const Source* source, std::int64_t stride, Number* out) {
    // So many rows at a time are more than the processor follows by itself.
    unrolled<Simd::width>([&]<int i>() { __builtin_prefetch(source + i * stride + 4 * block_depth<Source>); });
    Vector rows[Simd::width];
    unrolled<Simd::width>([&]<int i>() { rows[i] = Simd::load(reinterpret_cast<const Number*>(source + i * stride)); });
    Simd::transpose(rows);
    unrolled<Simd::width>([&]<int q>() {
      if constexpr (__is_same(Source, float)) {
        Simd::store(out + q * width, rows[q]);
      } else {
        const Bits pair = (Bits)rows[q];
        if constexpr (__is_same(Source, Bf16)) {
          Simd::store(out + 2 * q * width, (Vector)(pair << 16));
          Simd::store(out + (2 * q + 1) * width, (Vector)(pair & 0xffff0000u));
        } else {
          Simd::store(out + 2 * q * width, widened_halves(pair & 0xffffu));
          Simd::store(out + (2 * q + 1) * width, widened_halves(pair >> 16));
        }
      }
    });
  }

  /// One strip: out[d * width + i]. `count` of its `width` vectors exist.
  template <int width, typename Source>
  static void pack_strip(const Source* source, std::int64_t vector_stride, std::int64_t depth_stride,
                         std::int64_t count, std::int64_t depth, Number* out) {
    if (count < width) {
      for (std::int64_t d = 0; d < depth; ++d) {
        for (int i = 0; i < width; ++i) {
          out[d * width + i] = i < count ? widened<Number>(source[i * vector_stride + d * depth_stride]) : Number(0);
        }
      }
    } else if (vector_stride == 1) {
      for (std::int64_t d = 0; d < depth; ++d) {
        for (int i = 0; i < width; ++i) out[d * width + i] = widened<Number>(source[d * depth_stride + i]);
      }
    } else if (depth_stride == 1) {
      constexpr int block = 4;
      constexpr int whole = width / block * block;
      std::int64_t d = 0;
      if constexpr (turns_blocks<width, Source>) {
        for (; d + block_depth<Source> <= depth; d += block_depth<Source>) {
          for (int i = 0; i < width; i += Simd::width) {
            pack_block<width>(source + i * vector_stride + d, vector_stride, out + d * width + i);
          }
        }
      }
      for (; d + block <= depth; d += block) {
        for (int i = 0; i < whole; i += block) {
          transpose_4x4<width>(source + i * vector_stride + d, vector_stride, out + d * width + i);
        }
        for (int i = whole; i < width; ++i) {
          for (int q = 0; q < block; ++q) out[(d + q) * width + i] = widened<Number>(source[i * vector_stride + d + q]);
        }
      }
      for (; d < depth; ++d) {
        for (int i = 0; i < width; ++i) out[d * width + i] = widened<Number>(source[i * vector_stride + d]);
      }
    } else {
      for (std::int64_t d = 0; d < depth; ++d) {
        for (int i = 0; i < width; ++i) {
          out[d * width + i] = widened<Number>(source[i * vector_stride + d * depth_stride]);
        }
      }
    }
  }

  template <int width, typename Source>
  static void pack(const Source* source, std::int64_t vector_stride, std::int64_t depth_stride, std::int64_t count,
                   std::int64_t depth, Number* out) {
    for (std::int64_t i = 0; i < count; i += width) {
      const std::int64_t present = count - i < width ? count - i : width;
      pack_strip<width>(source + i * vector_stride, vector_stride, depth_stride, present, depth, out + i * depth);
    }
  }

  /// One register tile of tile_rows x tile_vectors: the present part of c = or += a strip times b strip. Steps of `a`
  /// lie `a_step` numbers apart. After every `run` steps the sums are put aside and begin anew (0: never).
  template <int tile_rows, int tile_vectors, int a_step, int run = 0>
  static void multiply_tile(std::int64_t depth, const Number* a, const Number* b, Number* c, std::int64_t stride,
                            std::int64_t present_rows, std::int64_t present_cols, bool accumulate) {
    constexpr int tile_cols = tile_vectors * Simd::width;
    const bool whole = present_rows == tile_rows && present_cols == tile_cols;
    // C lies far apart and far away, where the processor does not look ahead: it is asked for before it is wanted.
    if (whole && accumulate) {
      unrolled<tile_rows>([&]<int i>() {
        unrolled<tile_vectors>([&]<int v>() { __builtin_prefetch(c + i * stride + v * Simd::width, 1); });
      });
    }
    Vector sum[tile_rows][tile_vectors];
    unrolled<tile_rows>([&]<int i>() { unrolled<tile_vectors>([&]<int v>() { sum[i][v] = Simd::zero(); }); });
    const auto step = [&]() __attribute__((always_inline)) {
      Vector column[tile_vectors];
      unrolled<tile_vectors>([&]<int v>() { column[v] = Simd::load(b + v * Simd::width); });
      unrolled<tile_rows>([&]<int i>() {
        const Vector factor = Simd::broadcast(a[i]);
        unrolled<tile_vectors>([&]<int v>() { sum[i][v] = Simd::multiply_add(factor, column[v], sum[i][v]); });
      });
      a += a_step;
      b += cols;
    };
    if constexpr (run == 0) {
      for (std::int64_t d = 0; d < depth; ++d) step();
    } else {
      Vector aside[tile_rows][tile_vectors];
      unrolled<tile_rows>([&]<int i>() { unrolled<tile_vectors>([&]<int v>() { aside[i][v] = Simd::zero(); }); });
      for (std::int64_t begin = 0; begin < depth; begin += run) {
        const std::int64_t end = begin + run < depth ? begin + run : depth;
        for (std::int64_t d = begin; d < end; ++d) step();
        unrolled<tile_rows>([&]<int i>() {
          unrolled<tile_vectors>([&]<int v>() {
            aside[i][v] = aside[i][v] + sum[i][v];
            sum[i][v] = Simd::zero();
          });
        });
      }
      unrolled<tile_rows>([&]<int i>() { unrolled<tile_vectors>([&]<int v>() { sum[i][v] = aside[i][v]; }); });
    }
    if (whole) {
      unrolled<tile_rows>([&]<int i>() {
        unrolled<tile_vectors>([&]<int v>() {
          Number* place = c + i * stride + v * Simd::width;
          Simd::store(place, accumulate ? Simd::load(place) + sum[i][v] : sum[i][v]);
        });
      });
      return;
    }
    Number tile[tile_rows][tile_cols];
    unrolled<tile_rows>(
        [&]<int i>() { unrolled<tile_vectors>([&]<int v>() { Simd::store(&tile[i][v * Simd::width], sum[i][v]); }); });
    for (std::int64_t i = 0; i < present_rows; ++i) {
      for (std::int64_t j = 0; j < present_cols; ++j) {
        c[i * stride + j] = accumulate ? c[i * stride + j] + tile[i][j] : tile[i][j];
      }
    }
  }

  /// A tile with no more rows (1, 2, 4, ...) and vectors than are there; for products of few rows or columns.
  template <int tile_rows, int tile_vectors>
  static void multiply_part(std::int64_t depth, const Number* a, const Number* b, Number* c, std::int64_t stride,
                            std::int64_t present_rows, std::int64_t present_cols, bool accumulate) {
    if constexpr (tile_rows < rows) {
      if (present_rows > tile_rows) {
        return multiply_part<2 * tile_rows, tile_vectors>(depth, a, b, c, stride, present_rows, present_cols,
                                                          accumulate);
      }
      multiply_tile<tile_rows, tile_vectors, rows>(depth, a, b, c, stride, present_rows, present_cols, accumulate);
    } else {
      multiply_tile<rows, tile_vectors, rows>(depth, a, b, c, stride, present_rows, present_cols, accumulate);
    }
  }

  template <int run = 0>
  static void multiply(std::int64_t depth, const Number* a, const Number* b, Target<Number> target, bool accumulate) {
    for (std::int64_t j = 0; j < target.cols; j += cols) {
      const std::int64_t present_cols = target.cols - j < cols ? target.cols - j : cols;
      for (std::int64_t i = 0; i < target.rows; i += rows) {
        const std::int64_t present_rows = target.rows - i < rows ? target.rows - i : rows;
        Number* c = target.c + i * target.stride + j;
        if (run == 0 && present_cols <= Simd::width) {
          multiply_part<1, 1>(depth, a + i * depth, b + j * depth, c, target.stride, present_rows, present_cols,
                              accumulate);
        } else if (run == 0 && present_rows < rows) {
          multiply_part<1, vectors>(depth, a + i * depth, b + j * depth, c, target.stride, present_rows, present_cols,
                                    accumulate);
        } else {
          multiply_tile<rows, vectors, rows, run>(depth, a + i * depth, b + j * depth, c, target.stride, present_rows,
                                                  present_cols, accumulate);
        }
      }
    }
  }

  /// Both factors come from the same strips, so the rows of a tile must divide a strip.
  static constexpr int symmetric_rows = rows >= 8 ? 8 : 4;
  static_assert(cols % symmetric_rows == 0);

  template <int run = 0>
  static void multiply_symmetric(std::int64_t depth, const Number* packed, std::int64_t strip, Target<Number> target,
                                 bool accumulate) {
    const Number* b = packed + strip * cols * depth;
    for (std::int64_t i = 0; i < target.rows; i += symmetric_rows) {
      const std::int64_t present_rows = target.rows - i < symmetric_rows ? target.rows - i : symmetric_rows;
      const Number* a = packed + i / cols * cols * depth + i % cols;
      multiply_tile<symmetric_rows, vectors, cols, run>(depth, a, b, target.c + i * target.stride, target.stride,
                                                        present_rows, target.cols, accumulate);
    }
  }
};

/// The table of one instruction set.
template <typename Floats, typename Doubles>
constexpr Kernels kernels_of() {
  using F = GemmLoops<Floats>;
  using D = GemmLoops<Doubles>;
  return {
      .f32 = {.tile_rows = F::rows,
              .tile_cols = F::cols,
              .k_block = gemm_k_block,
              .multiply = F::template multiply<>,
              .multiply_symmetric = F::template multiply_symmetric<>,
              .multiply_in_runs = F::template multiply<gemm_run>,
              .multiply_symmetric_in_runs = F::template multiply_symmetric<gemm_run>,
              .pack_rows_f32 = F::template pack<F::rows, float>,
              .pack_cols_f32 = F::template pack<F::cols, float>,
              .pack_cols_bf16 = F::template pack<F::cols, Bf16>,
              .pack_cols_f16 = F::template pack<F::cols, F16>},
      .f64 = {.tile_rows = D::rows,
              .tile_cols = D::cols,
              .k_block = gemm_k_block,
              .multiply = D::template multiply<>,
              .multiply_symmetric = D::template multiply_symmetric<>,
              .pack_rows_f32 = D::template pack<D::rows, float>,
              .pack_rows_f64 = D::template pack<D::rows, double>,
              .pack_cols_f32 = D::template pack<D::cols, float>,
              .pack_cols_f64 = D::template pack<D::cols, double>},
      .vector = {.dot = VectorLoops<Doubles>::dot,
                 .axpy = VectorLoops<Doubles>::axpy,
                 .rotate = VectorLoops<Doubles>::rotate},
  };
}

}  // namespace amalgam::ops::cpu
