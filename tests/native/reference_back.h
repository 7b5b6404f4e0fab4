// The backward and learning operators of ops::Device in double, as plain as their formulas: what the devices are judged
// by. Every function returns the gradient alone; adding it to what was there is the caller's. d_x is the gradient of a
// number with respect to x.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/random.h"
#include "ops/device.h"
#include "reference_ops.h"

namespace amalgam::test::reference {

/// d_out w
inline Numbers linear_back(const Numbers& d_out, const Numbers& w) {
  Numbers d_x(d_out.rows(), w.cols());
  for (std::int64_t t = 0; t < d_x.rows(); ++t) {
    for (std::int64_t o = 0; o < w.rows(); ++o) {
      for (std::int64_t i = 0; i < w.cols(); ++i) d_x(t, i) += d_out(t, o) * w(o, i);
    }
  }
  return d_x;
}

/// d_out^T x
inline Numbers weight_back(const Numbers& d_out, const Numbers& x) {
  Numbers d_w(d_out.cols(), x.cols());
  for (std::int64_t t = 0; t < x.rows(); ++t) {
    for (std::int64_t o = 0; o < d_w.rows(); ++o) {
      for (std::int64_t i = 0; i < d_w.cols(); ++i) d_w(o, i) += d_out(t, o) * x(t, i);
    }
  }
  return d_w;
}

/// u(t, r) c(set_of_row[t], r)
inline Numbers scale_units(const Numbers& u, const Numbers& c, std::span<const std::int32_t> set_of_row) {
  Numbers out(u.rows(), u.cols());
  for (std::int64_t t = 0; t < u.rows(); ++t) {
    for (std::int64_t r = 0; r < u.cols(); ++r) out(t, r) = u(t, r) * c(set_of_row[static_cast<std::size_t>(t)], r);
  }
  return out;
}

/// (sets x R) sum of u(t, r) v(t, r) over the rows of each set
inline Numbers unit_back(const Numbers& u, const Numbers& v, std::span<const std::int32_t> set_of_row,
                         std::int64_t sets) {
  Numbers d_c(sets, u.cols());
  for (std::int64_t t = 0; t < u.rows(); ++t) {
    for (std::int64_t r = 0; r < u.cols(); ++r) d_c(set_of_row[static_cast<std::size_t>(t)], r) += u(t, r) * v(t, r);
  }
  return d_c;
}

/// x(t, j) / (1 - rate) where word j % 4 of Philox at the counter (j / 4, t, 0, 0) under the key's two halves, times
/// 2^-32, is at least rate; else 0.
inline Numbers dropout(const Numbers& x, double rate, std::uint64_t key) {
  const std::array<std::uint32_t, 2> halves{static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
  Numbers out(x.rows(), x.cols());
  for (std::int64_t t = 0; t < x.rows(); ++t) {
    for (std::int64_t j = 0; j < x.cols(); ++j) {
      const auto words =
          core::philox4x32({static_cast<std::uint32_t>(j / 4), static_cast<std::uint32_t>(t), 0, 0}, halves);
      const double number = words[static_cast<std::size_t>(j % 4)] * 0x1p-32;
      if (number >= rate) out(t, j) = x(t, j) / (1 - rate);
    }
  }
  return out;
}

/// With s = sqrt(mean_j x_j^2 + eps): d_x_j = weight_j d_out_j / s - x_j (sum_k x_k weight_k d_out_k) / (cols s^3)
inline Numbers rms_norm_back(const Numbers& x, const Numbers& weight, double eps, const Numbers& d_out) {
  Numbers d_x(x.rows(), x.cols());
  for (std::int64_t i = 0; i < x.rows(); ++i) {
    double squares = 0;
    double products = 0;
    for (std::int64_t j = 0; j < x.cols(); ++j) {
      squares += x(i, j) * x(i, j);
      products += x(i, j) * weight(0, j) * d_out(i, j);
    }
    const auto cols = static_cast<double>(x.cols());
    const double length = std::sqrt(squares / cols + eps);
    for (std::int64_t j = 0; j < x.cols(); ++j) {
      d_x(i, j) = weight(0, j) * d_out(i, j) / length - x(i, j) * products / (cols * length * length * length);
    }
  }
  return d_x;
}

/// The halves (x1, x2) of every head become (x1 cos + x2 sin, x2 cos - x1 sin), by the row's position.
inline Numbers rope_back(const Numbers& d_out, std::int64_t head_dim, std::span<const std::int32_t> positions,
                         const Numbers& cosines, const Numbers& sines) {
  Numbers opposite = sines.copy();
  for (std::int64_t i = 0; i < opposite.size(); ++i) opposite.data()[i] = -opposite.data()[i];
  return rope(d_out, head_dim, positions, cosines, opposite);
}

struct AttentionGradients {
  Numbers q;
  Numbers k;
  Numbers v;
};

/// With the weights p_k of a query's keys and g_k = d_out . v_k: d_v_k = p_k d_out; the score of k has the gradient
/// p_k (g_k - sum_l p_l g_l), which goes to q by k_k / sqrt(head_dim) and to k_k by q / sqrt(head_dim).
inline AttentionGradients attention_back(const Numbers& q, const Numbers& k, const Numbers& v, const Numbers& d_out,
                                         std::span<const ops::SequenceRows> sequences,
                                         const ops::AttentionShape& shape) {
  AttentionGradients d{Numbers(q.rows(), q.cols()), Numbers(k.rows(), k.cols()), Numbers(v.rows(), v.cols())};
  const std::int64_t size = shape.head_dim;
  const double scale = 1 / std::sqrt(static_cast<double>(size));
  for (const ops::SequenceRows& sequence : sequences) {
    for (std::int64_t last = 0; last < sequence.rows; ++last) {
      const std::int64_t first = shape.window > 0 ? std::max<std::int64_t>(0, last - shape.window + 1) : 0;
      const std::int64_t row = sequence.first + last;
      for (std::int64_t head = 0; head < shape.heads; ++head) {
        const std::int64_t own = head * size;
        const std::int64_t group = head / (shape.heads / shape.kv_heads) * size;
        std::vector<double> p;
        std::vector<double> g;
        for (std::int64_t key = sequence.first + first; key <= row; ++key) {
          double score = 0;
          double gradient = 0;
          for (std::int64_t j = 0; j < size; ++j) {
            score += q(row, own + j) * k(key, group + j) * scale;
            gradient += d_out(row, own + j) * v(key, group + j);
          }
          p.push_back(score);
          g.push_back(gradient);
        }
        const double largest = *std::max_element(p.begin(), p.end());
        double total = 0;
        for (double& share : p) total += share = std::exp(share - largest);
        double mean = 0;
        for (std::size_t i = 0; i < p.size(); ++i) mean += (p[i] /= total) * g[i];
        for (std::size_t i = 0; i < p.size(); ++i) {
          const std::int64_t key = sequence.first + first + static_cast<std::int64_t>(i);
          const double d_score = p[i] * (g[i] - mean) * scale;
          for (std::int64_t j = 0; j < size; ++j) {
            d.q(row, own + j) += d_score * k(key, group + j);
            d.k(key, group + j) += d_score * q(row, own + j);
            d.v(key, group + j) += p[i] * d_out(row, own + j);
          }
        }
      }
    }
  }
  return d;
}

struct SwigluGradients {
  Numbers gate;
  Numbers up;
};

/// With s = 1 / (1 + exp(-gate)): d_gate = d_out up s (1 + gate (1 - s)), d_up = d_out gate s
inline SwigluGradients swiglu_back(const Numbers& gate, const Numbers& up, const Numbers& d_out) {
  SwigluGradients d{Numbers(gate.rows(), gate.cols()), Numbers(gate.rows(), gate.cols())};
  for (std::int64_t i = 0; i < gate.size(); ++i) {
    const double x = gate.data()[i];
    const double s = 1 / (1 + std::exp(-x));
    d.gate.data()[i] = d_out.data()[i] * up.data()[i] * s * (1 + x * (1 - s));
    d.up.data()[i] = d_out.data()[i] * x * s;
  }
  return d;
}

struct TokenLoss {
  std::vector<double> values;
  Numbers d_x;
};

/// With p = softmax(x w^T): the cross-entropy -log p[target], whose gradient by the logits is p - (1 at the target), or
/// the entropy h = -sum_j p_j log p_j, whose gradient is -p_j (log p_j + h). Rows of weight 0 have the value 0 and no
/// gradient; rows with a logit that is not finite have NaN for both.
inline TokenLoss token_loss(ops::TokenObjective objective, const Numbers& x, const Numbers& w,
                            std::span<const std::int32_t> targets, std::span<const float> weights) {
  const Numbers logits = linear(x, w);
  Numbers d_logits(logits.rows(), logits.cols());
  TokenLoss loss{std::vector<double>(static_cast<std::size_t>(x.rows())), {}};
  for (std::int64_t t = 0; t < x.rows(); ++t) {
    const auto token = static_cast<std::size_t>(t);
    const double weight = weights[token];
    if (weight == 0) continue;
    const double* row = logits.row(t);
    if (!std::all_of(row, row + logits.cols(), [](double logit) { return std::isfinite(logit); })) {
      loss.values[token] = std::numeric_limits<double>::quiet_NaN();
      std::fill_n(d_logits.row(t), logits.cols(), loss.values[token]);
      continue;
    }
    const double largest = *std::max_element(row, row + logits.cols());
    double total = 0;
    for (std::int64_t j = 0; j < logits.cols(); ++j) total += std::exp(row[j] - largest);
    const auto log_p = [&](std::int64_t j) { return row[j] - largest - std::log(total); };
    double& value = loss.values[token];
    if (objective == ops::TokenObjective::cross_entropy) {
      value = -log_p(targets[token]);
      for (std::int64_t j = 0; j < logits.cols(); ++j) {
        d_logits(t, j) = weight * (std::exp(log_p(j)) - (j == targets[token] ? 1 : 0));
      }
    } else {
      for (std::int64_t j = 0; j < logits.cols(); ++j) value -= std::exp(log_p(j)) * log_p(j);
      for (std::int64_t j = 0; j < logits.cols(); ++j) {
        d_logits(t, j) = -weight * std::exp(log_p(j)) * (log_p(j) + value);
      }
    }
  }
  loss.d_x = linear_back(d_logits, w);
  return loss;
}

/// sum of g^2 where the mask, if there is one, is not 0
inline double squared_norm(const Numbers& g, const Numbers& mask) {
  double sum = 0;
  for (std::int64_t i = 0; i < g.size(); ++i) {
    if (mask.size() == 0 || mask.data()[i] != 0) sum += g.data()[i] * g.data()[i];
  }
  return sum;
}

/// One step where the mask, if there is one, is not 0: see ops::AdamwStep.
inline void adamw(Numbers& p, const Numbers& g, Numbers& m, Numbers& v, const Numbers& mask,
                  const ops::AdamwStep& step) {
  const auto t = static_cast<double>(step.t);
  for (std::int64_t i = 0; i < p.size(); ++i) {
    if (mask.size() != 0 && mask.data()[i] == 0) continue;
    const double gradient = step.gradient_scale * g.data()[i];
    double& mean = m.data()[i];
    double& square = v.data()[i];
    mean = step.beta1 * mean + (1 - step.beta1) * gradient;
    square = step.beta2 * square + (1 - step.beta2) * gradient * gradient;
    const double decayed = p.data()[i] * (1 - step.rate * step.weight_decay);
    p.data()[i] = decayed - step.rate * (mean / (1 - std::pow(step.beta1, t))) /
                                (std::sqrt(square / (1 - std::pow(step.beta2, t))) + step.epsilon);
  }
}

}  // namespace amalgam::test::reference
