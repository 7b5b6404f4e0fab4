// The vector operations, written once over a vector type. The rules of kernel_templates.h hold here too.
#pragma once

#include <cstdint>
#include <utility>

#include "ops/vector.h"

namespace amalgam::ops::cpu {

/// Calls step<0>(), step<1>(), ..., so that arrays of vectors stay in registers.
template <int count, typename Step>
inline __attribute__((always_inline)) void unrolled(Step step) {
  [&]<int... index>(std::integer_sequence<int, index...>) __attribute__((always_inline)) {
    (step.template operator()<index>(), ...);
  }
  (std::make_integer_sequence<int, count>{});
}

/// The vector operations of ops/vector.h over a Simd of doubles.
template <typename Simd>
struct VectorLoops {
  using Vector = typename Simd::Vector;
  static constexpr int width = Simd::width;

  static double dot(const double* x, const double* y, std::int64_t n) {
    constexpr int lanes = 32;
    Vector sum[lanes / width];
    unrolled<lanes / width>([&]<int v>() { sum[v] = Simd::zero(); });
    std::int64_t i = 0;
    for (; i + lanes <= n; i += lanes) {
      unrolled<lanes / width>([&]<int v>() {
        sum[v] = Simd::multiply_add(Simd::load(x + i + v * width), Simd::load(y + i + v * width), sum[v]);
      });
    }
    double lane[lanes];
    unrolled<lanes / width>([&]<int v>() { Simd::store(lane + v * width, sum[v]); });
    for (int half = lanes / 2; half > 0; half /= 2) {
      for (int k = 0; k < half; ++k) lane[k] += lane[k + half];
    }
    for (; i < n; ++i) lane[0] = Simd::multiply_add(x[i], y[i], lane[0]);
    return lane[0];
  }

  static void axpy(double alpha, const double* x, double* y, std::int64_t n) {
    const Vector factor = Simd::broadcast(alpha);
    std::int64_t i = 0;
    for (; i + width <= n; i += width) {
      Simd::store(y + i, Simd::multiply_add(factor, Simd::load(x + i), Simd::load(y + i)));
    }
    for (; i < n; ++i) y[i] = Simd::multiply_add(alpha, x[i], y[i]);
  }

  static void rotate(double* z, std::int64_t stride, std::int64_t begin, std::int64_t end, const Rotation* rotations,
                     std::int64_t count) {
    for (std::int64_t k = 0; k < count; ++k) {
      const double c = rotations[k].c;
      const double s = rotations[k].s;
      double* x = z + rotations[k].row * stride;
      double* y = x + stride;
      const Vector cosine = Simd::broadcast(c);
      const Vector sine = Simd::broadcast(s);
      std::int64_t j = begin;
      for (; j + width <= end; j += width) {
        const Vector left = Simd::load(x + j);
        const Vector right = Simd::load(y + j);
        Simd::store(x + j, Simd::multiply_add(cosine, left, -(sine * right)));
        Simd::store(y + j, Simd::multiply_add(sine, left, cosine * right));
      }
      for (; j < end; ++j) {
        const double left = x[j];
        const double right = y[j];
        x[j] = Simd::multiply_add(c, left, -(s * right));
        y[j] = Simd::multiply_add(s, left, c * right);
      }
    }
  }
};

}  // namespace amalgam::ops::cpu
