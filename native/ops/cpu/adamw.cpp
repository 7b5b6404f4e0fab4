// Compiled without errno of square roots (CMakeLists.txt).
#include <cmath>

#include "core/vectorised.h"
#include "ops/cpu/arrays.h"
#include "ops/cpu/masks.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

namespace {

using namespace cpu;

/// What a step comes to for one element, rounded once from double.
struct Rates {
  explicit Rates(const AdamwStep& step)
      : gradient_scale(static_cast<float>(step.gradient_scale)),
        decay(static_cast<float>(1 - step.rate * step.weight_decay)),
        beta1(static_cast<float>(step.beta1)),
        rest1(static_cast<float>(1 - step.beta1)),
        beta2(static_cast<float>(step.beta2)),
        rest2(static_cast<float>(1 - step.beta2)),
        rate(static_cast<float>(step.rate / (1 - std::pow(step.beta1, static_cast<double>(step.t))))),
        correction2(static_cast<float>(1 / (1 - std::pow(step.beta2, static_cast<double>(step.t))))),
        epsilon(static_cast<float>(step.epsilon)) {}

  float gradient_scale;
  float decay;
  float beta1;
  float rest1;
  float beta2;
  float rest2;
  float rate;         ///< the learning rate over 1 - beta1^t
  float correction2;  ///< 1 / (1 - beta2^t)
  float epsilon;
};

template <bool masked>
AMALGAM_INLINE inline void step_row(const Rates& rates, float* p, const float* g, float* m, float* v,
                                    const std::uint8_t* mask, std::int64_t count) {
  for (std::int64_t j = 0; j < count; ++j) {
    const float gradient = g[j] * rates.gradient_scale;
    const float mean = rates.beta1 * m[j] + rates.rest1 * gradient;
    const float square = rates.beta2 * v[j] + rates.rest2 * (gradient * gradient);
    const float length = std::sqrt(square * rates.correction2) + rates.epsilon;
    const float value = p[j] * rates.decay - rates.rate * mean / length;
    const bool taken = !masked || mask[j] != 0;
    p[j] = taken ? value : p[j];
    m[j] = taken ? mean : m[j];
    v[j] = taken ? square : v[j];
  }
}

}  // namespace

void cpu::adamw(Executor& executor, Array p, Array g, Array m, Array v, Array mask, const AdamwStep& step,
                Array copy) {
  for (const Array& other : {g, m, v}) {
    require(other.rows == p.rows && other.cols == p.cols, "adamw: shapes");
    require(p.type == core::DType::F32 && other.type == core::DType::F32, "adamw: numbers that are learned are F32");
  }
  require(copy.data == nullptr || (copy.rows == p.rows && copy.cols == p.cols), "adamw: copy has the shape of p");
  require_mask(mask, p);
  const Rates rates(step);
  for_rows(executor, p.rows, p.cols, [&](std::int64_t begin, std::int64_t end) {
    core::vectorised([&]() AMALGAM_INLINE {
      for (std::int64_t i = begin; i < end; ++i) {
        if (mask.data == nullptr) {
          step_row<false>(rates, row_of(p, i), row_of(g, i), row_of(m, i), row_of(v, i), nullptr, p.cols);
        } else {
          step_row<true>(rates, row_of(p, i), row_of(g, i), row_of(m, i), row_of(v, i), mask_row(mask, i), p.cols);
        }
      }
    });
    if (copy.data == nullptr) return;
    for (std::int64_t i = begin; i < end; ++i) {
      core::from_f32(copy.type, row_of(p, i), p.cols, static_cast<std::byte*>(copy.row_range(i, 1).data));
    }
  });
}

}  // namespace amalgam::ops
