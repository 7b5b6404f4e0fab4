// Every operator of ops::Device in double, as plain as its formula: what the devices are judged by. Matrices are
// row-major without gaps; weights are out x in, as in ops/device.h.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/tensor.h"
#include "ops/device.h"

namespace amalgam::test::reference {

using Numbers = core::Matrix<double>;

/// out(i, :) = table(ids[i], :)
inline Numbers embed(const Numbers& table, std::span<const std::int32_t> ids) {
  Numbers out(static_cast<std::int64_t>(ids.size()), table.cols());
  for (std::int64_t i = 0; i < out.rows(); ++i) {
    std::copy_n(table.row(ids[static_cast<std::size_t>(i)]), table.cols(), out.row(i));
  }
  return out;
}

/// x(i, j) / sqrt(mean_j x(i, j)^2 + eps) * weight(0, j)
inline Numbers rms_norm(const Numbers& x, const Numbers& weight, double eps) {
  Numbers out(x.rows(), x.cols());
  for (std::int64_t i = 0; i < x.rows(); ++i) {
    double squares = 0;
    for (std::int64_t j = 0; j < x.cols(); ++j) squares += x(i, j) * x(i, j);
    const double length = std::sqrt(squares / static_cast<double>(x.cols()) + eps);
    for (std::int64_t j = 0; j < x.cols(); ++j) out(i, j) = x(i, j) / length * weight(0, j);
  }
  return out;
}

/// x w^T
inline Numbers linear(const Numbers& x, const Numbers& w) {
  Numbers out(x.rows(), w.rows());
  for (std::int64_t t = 0; t < x.rows(); ++t) {
    for (std::int64_t o = 0; o < w.rows(); ++o) {
      double sum = 0;
      for (std::int64_t i = 0; i < x.cols(); ++i) sum += x(t, i) * w(o, i);
      out(t, o) = sum;
    }
  }
  return out;
}

/// x + y
inline Numbers add(const Numbers& x, const Numbers& y) {
  Numbers out = x.copy();
  for (std::int64_t i = 0; i < out.size(); ++i) out.data()[i] += y.data()[i];
  return out;
}

/// x(i, j) + bias(0, j)
inline Numbers add_bias(const Numbers& x, const Numbers& bias) {
  Numbers out = x.copy();
  for (std::int64_t i = 0; i < out.rows(); ++i) {
    for (std::int64_t j = 0; j < out.cols(); ++j) out(i, j) += bias(0, j);
  }
  return out;
}

/// ((x(t, :) a^T) . c(set_of_row[t], :)) b^T: what add_units adds to its output.
inline Numbers units(const Numbers& x, const Numbers& a, const Numbers& b, const Numbers& c,
                     std::span<const std::int32_t> set_of_row) {
  Numbers u = linear(x, a);
  for (std::int64_t t = 0; t < u.rows(); ++t) {
    for (std::int64_t r = 0; r < u.cols(); ++r) u(t, r) *= c(set_of_row[static_cast<std::size_t>(t)], r);
  }
  return linear(u, b);
}

/// The halves (x1, x2) of every head become (x1 cos - x2 sin, x2 cos + x1 sin), by the row's position.
inline Numbers rope(const Numbers& x, std::int64_t head_dim, std::span<const std::int32_t> positions,
                    const Numbers& cosines, const Numbers& sines) {
  Numbers out(x.rows(), x.cols());
  const std::int64_t half = head_dim / 2;
  for (std::int64_t t = 0; t < x.rows(); ++t) {
    const std::int64_t position = positions[static_cast<std::size_t>(t)];
    for (std::int64_t first = 0; first < x.cols(); first += head_dim) {
      for (std::int64_t j = 0; j < half; ++j) {
        const double x1 = x(t, first + j);
        const double x2 = x(t, first + half + j);
        out(t, first + j) = x1 * cosines(position, j) - x2 * sines(position, j);
        out(t, first + half + j) = x2 * cosines(position, j) + x1 * sines(position, j);
      }
    }
  }
  return out;
}

/// Causal attention within each sequence; rows of no sequence come out as 0. `cache_keys` and `cache_values` hold
/// `positions` rows per slot, as ops::CacheLayer.
inline Numbers attention(const Numbers& q, const Numbers& k, const Numbers& v, const Numbers& cache_keys,
                         const Numbers& cache_values, std::int64_t positions,
                         std::span<const ops::SequenceRows> sequences, const ops::AttentionShape& shape) {
  Numbers out(q.rows(), q.cols());
  const std::int64_t size = shape.head_dim;
  for (const ops::SequenceRows& sequence : sequences) {
    // The sequence's number `at`, counted from its first position: from the cache, then from its own rows.
    const auto at = [&](const Numbers& own, const Numbers& cache, std::int64_t position) {
      return position < sequence.past ? cache.row(sequence.slot * positions + position)
                                      : own.row(sequence.first + position - sequence.past);
    };
    for (std::int64_t row = 0; row < sequence.rows; ++row) {
      const std::int64_t last = sequence.past + row;
      const std::int64_t first = shape.window > 0 ? std::max<std::int64_t>(0, last - shape.window + 1) : 0;
      for (std::int64_t head = 0; head < shape.heads; ++head) {
        const double* query = q.row(sequence.first + row) + head * size;
        const std::int64_t group = head / (shape.heads / shape.kv_heads) * size;
        std::vector<double> weights;
        for (std::int64_t position = first; position <= last; ++position) {
          const double* key = at(k, cache_keys, position) + group;
          double sum = 0;
          for (std::int64_t j = 0; j < size; ++j) sum += query[j] * key[j];
          weights.push_back(sum / std::sqrt(static_cast<double>(size)));
        }
        const double largest = *std::max_element(weights.begin(), weights.end());
        double total = 0;
        for (double& weight : weights) total += weight = std::exp(weight - largest);
        double* result = out.row(sequence.first + row) + head * size;
        for (std::int64_t position = first; position <= last; ++position) {
          const double* value = at(v, cache_values, position) + group;
          const double share = weights[static_cast<std::size_t>(position - first)] / total;
          for (std::int64_t j = 0; j < size; ++j) result[j] += share * value[j];
        }
      }
    }
  }
  return out;
}

/// Writes the rows of every sequence with a slot into `cache`, after its past.
inline void keep(const Numbers& rows, Numbers& cache, std::int64_t positions,
                 std::span<const ops::SequenceRows> sequences) {
  for (const ops::SequenceRows& sequence : sequences) {
    if (sequence.slot < 0) continue;
    for (std::int64_t i = 0; i < sequence.rows; ++i) {
      std::copy_n(rows.row(sequence.first + i), rows.cols(), cache.row(sequence.slot * positions + sequence.past + i));
    }
  }
}

/// gate / (1 + exp(-gate)) * up
inline Numbers swiglu(const Numbers& gate, const Numbers& up) {
  Numbers out(gate.rows(), gate.cols());
  for (std::int64_t i = 0; i < out.size(); ++i) {
    out.data()[i] = gate.data()[i] / (1 + std::exp(-gate.data()[i])) * up.data()[i];
  }
  return out;
}

struct Choices {
  std::vector<double> log_probabilities;  ///< 0 where there is no target
  std::vector<std::int32_t> best;
};

/// log softmax(x w^T)[targets[t]] and the lowest index of the largest logit; NaN and -1 for rows with a logit that is
/// not finite.
inline Choices token_choices(const Numbers& x, const Numbers& w, std::span<const std::int32_t> targets) {
  const Numbers logits = linear(x, w);
  Choices result;
  for (std::int64_t t = 0; t < logits.rows(); ++t) {
    const double* row = logits.row(t);
    const double* end = row + logits.cols();
    const std::int32_t target = targets[static_cast<std::size_t>(t)];
    if (!std::all_of(row, end, [](double logit) { return std::isfinite(logit); })) {
      result.best.push_back(-1);
      result.log_probabilities.push_back(target < 0 ? 0 : std::numeric_limits<double>::quiet_NaN());
      continue;
    }
    const double* largest = std::max_element(row, end);
    double total = 0;
    for (const double* logit = row; logit != end; ++logit) total += std::exp(*logit - *largest);
    result.best.push_back(static_cast<std::int32_t>(largest - row));
    result.log_probabilities.push_back(target < 0 ? 0 : row[target] - *largest - std::log(total));
  }
  return result;
}

}  // namespace amalgam::test::reference
