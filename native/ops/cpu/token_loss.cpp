// The head and the loss together: a chunk's logits become their own gradient in place and go back through the head.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "ops/cpu/arrays.h"
#include "ops/cpu/logit_facts.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

using namespace cpu;

namespace {

/// -log softmax(logits)[target], or the entropy of the softmax; NaN where a logit is not finite.
double value_of(const float* logits, const LogitFacts& facts, TokenObjective objective, std::int32_t target) {
  if (!facts.finite) return std::numeric_limits<double>::quiet_NaN();
  if (objective == TokenObjective::entropy) return facts.log_total - facts.mean;
  return facts.log_total - (static_cast<double>(logits[target]) - static_cast<double>(facts.largest));
}

/// Logits become weight times the gradient of value_of: softmax - one-hot, or p (mean - (logit - largest)).
void turn_into_gradient(float* logits, std::int64_t count, const LogitFacts& facts, TokenObjective objective,
                        std::int32_t target, float weight) {
  const float largest = facts.largest;
  const auto mean = static_cast<float>(facts.mean);
  const auto factor = static_cast<float>(static_cast<double>(weight) * std::exp(-facts.log_total));
  core::vectorised([=]() AMALGAM_INLINE {
    if (objective == TokenObjective::cross_entropy) {
      for (std::int64_t i = 0; i < count; ++i) logits[i] = exponential(logits[i] - largest) * factor;
    } else {
      for (std::int64_t i = 0; i < count; ++i) {
        const float below = logits[i] - largest;
        logits[i] = exponential(below) * factor * (mean - below);
      }
    }
  });
  if (objective == TokenObjective::cross_entropy) logits[target] -= weight;
}

}  // namespace

void cpu::token_loss(Executor& executor, TokenObjective objective, Array x, Array w,
                     std::span<const std::int32_t> targets, std::span<const float> weights, std::span<double> values,
                     Array d_x) {
  const auto rows = static_cast<std::size_t>(x.rows);
  const bool wants_gradient = d_x.data != nullptr;
  const bool has_targets = objective == TokenObjective::cross_entropy;
  require(weights.size() == rows && values.size() == rows, "token_loss: one weight and value per row");
  require(!has_targets || targets.size() == rows, "token_loss: one target per row");
  require(x.cols == w.cols && w.rows > 0, "token_loss: shapes");
  require(!wants_gradient || (d_x.type == core::DType::F32 && d_x.rows == x.rows && d_x.cols == x.cols),
          "token_loss: d_x is F32 and as x");
  const core::MatrixView<float> all = floats(x);
  std::vector<std::int64_t> judged;
  for (std::int64_t row = 0; row < x.rows; ++row) {
    const auto at = static_cast<std::size_t>(row);
    if (weights[at] != 0) {
      require(!has_targets || (targets[at] >= 0 && targets[at] < w.rows),
              "token_loss: a target outside the vocabulary");
      judged.push_back(row);
      continue;
    }
    values[at] = 0;
    if (wants_gradient) std::fill_n(row_of(d_x, row), d_x.cols, 0.0f);
  }
  const auto total = static_cast<std::int64_t>(judged.size());
  const std::int64_t chunk = std::min(total, std::max<std::int64_t>(1, logits_in_chunk / w.rows));
  core::Matrix<float> hidden(chunk, x.cols);
  core::Matrix<float> logits(chunk, w.rows);
  for (std::int64_t first = 0; first < total; first += chunk) {
    const std::int64_t count = std::min(chunk, total - first);
    const std::int64_t* chosen = judged.data() + first;
    for (std::int64_t i = 0; i < count; ++i) std::copy_n(all.row(chosen[i]), x.cols, hidden.row(i));
    const Array inputs{hidden.data(), core::DType::F32, count, x.cols, x.cols};
    const Array outputs{logits.data(), core::DType::F32, count, w.rows, w.rows};
    linear(executor, inputs, w, outputs, Into::overwrite);
    for_rows(executor, count, w.rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const auto at = static_cast<std::size_t>(chosen[i]);
        const std::int32_t target = has_targets ? targets[at] : 0;
        const Totals totals = has_targets ? Totals::log_total : Totals::with_mean;
        const LogitFacts facts = logit_facts(logits.row(i), w.rows, totals);
        values[at] = value_of(logits.row(i), facts, objective, target);
        if (!wants_gradient) continue;
        if (facts.finite) {
          turn_into_gradient(logits.row(i), w.rows, facts, objective, target, weights[at]);
        } else {
          std::fill_n(logits.row(i), w.rows, std::numeric_limits<float>::quiet_NaN());
        }
      }
    });
    if (!wants_gradient) continue;
    linear_back(executor, outputs, w, inputs, Into::overwrite);
    for (std::int64_t i = 0; i < count; ++i) std::copy_n(hidden.row(i), x.cols, row_of(d_x, chosen[i]));
  }
}

}  // namespace amalgam::ops
