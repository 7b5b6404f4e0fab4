#include <algorithm>
#include <limits>
#include <vector>

#include "ops/cpu/arrays.h"
#include "ops/cpu/logit_facts.h"
#include "ops/cpu/operators.h"

namespace amalgam::ops {

using namespace cpu;

void cpu::token_choices(Executor& executor, Array x, Array w, std::span<const std::int32_t> targets,
                        std::span<double> log_probabilities, std::span<std::int32_t> best) {
  const bool wants_totals = !log_probabilities.empty();
  const bool wants_best = !best.empty();
  const auto rows = static_cast<std::size_t>(x.rows);
  require(!wants_totals || (log_probabilities.size() == rows && targets.size() == rows), "token_choices: targets");
  require(!wants_best || best.size() == rows, "token_choices: best");
  const auto target_of = [&](std::int64_t row) { return wants_totals ? targets[static_cast<std::size_t>(row)] : -1; };
  std::vector<std::int64_t> asked;  // rows of which something is wanted
  for (std::int64_t row = 0; row < x.rows; ++row) {
    require(target_of(row) < w.rows, "token_choices: a target outside the vocabulary");
    if (wants_best || target_of(row) >= 0 || target_of(row) == best_token) asked.push_back(row);
  }
  const auto total = static_cast<std::int64_t>(asked.size());
  const std::int64_t fitting = logits_in_chunk / std::max<std::int64_t>(1, w.rows);
  const std::int64_t chunk = std::min(total, std::max<std::int64_t>(1, fitting));
  const core::MatrixView<float> all = floats(x);
  core::Matrix<float> hidden(chunk, x.cols);
  core::Matrix<float> logits(chunk, w.rows);
  for (std::int64_t first = 0; first < total; first += chunk) {
    const std::int64_t count = std::min(chunk, total - first);
    for (std::int64_t i = 0; i < count; ++i) {
      std::copy_n(all.row(asked[static_cast<std::size_t>(first + i)]), x.cols, hidden.row(i));
    }
    linear(executor, {hidden.data(), core::DType::F32, count, x.cols, x.cols}, w,
           {logits.data(), core::DType::F32, count, w.rows, w.rows}, Into::overwrite);
    for_rows(executor, count, w.rows, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        const std::int64_t row = asked[static_cast<std::size_t>(first + i)];
        const std::int32_t target = target_of(row);
        const float* own = logits.row(i);
        const bool wants_total = target >= 0 || target == best_token;
        const LogitFacts facts = logit_facts(own, w.rows, wants_total ? Totals::log_total : Totals::none);
        if (wants_total) {
          const float logit = target == best_token ? facts.largest : own[target];
          log_probabilities[static_cast<std::size_t>(row)] =
              facts.finite ? static_cast<double>(logit) - static_cast<double>(facts.largest) - facts.log_total
                           : std::numeric_limits<double>::quiet_NaN();
        }
        if (wants_best) {
          best[static_cast<std::size_t>(row)] =
              facts.finite ? static_cast<std::int32_t>(std::find(own, own + w.rows, facts.largest) - own) : -1;
        }
      }
    });
  }
}

}  // namespace amalgam::ops
