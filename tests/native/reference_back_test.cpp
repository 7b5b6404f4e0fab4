// The backward formulas in double against central differences of the forward ones: what all backward operators rest on.
#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "operator_checks.h"
#include "reference_back.h"

using namespace amalgam;
using namespace amalgam::test;
using ops::TokenObjective;

namespace {

/// <x, y> over all elements.
double inner(const Numbers& x, const Numbers& y) {
  CHECK_EQ(x.size(), y.size());
  double sum = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) sum += x.data()[i] * y.data()[i];
  return sum;
}

/// `gradient` must be that of number() with respect to every element of `x`, which number() reads.
template <typename Number>
void check_gradient(const std::string& what, Numbers& x, const Numbers& gradient, Number number) {
  constexpr double step = 1e-5;
  Numbers differences(x.rows(), x.cols());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const double start = x.data()[i];
    x.data()[i] = start + step;
    const double above = number();
    x.data()[i] = start - step;
    const double below = number();
    x.data()[i] = start;
    differences.data()[i] = (above - below) / (2 * step);
  }
  CHECK(gradient.rows() == x.rows() && gradient.cols() == x.cols());
  CHECK(inner(differences, differences) > 0);
  const double error = relative_error(gradient, differences);
  if (!(error <= 1e-6)) fail(what + ": relative error " + shown(error), AMALGAM_HERE);
}

/// Angles of `positions` positions.
struct Tables {
  Tables(std::int64_t positions, std::int64_t head_dim)
      : cosines(positions, head_dim / 2), sines(positions, head_dim / 2) {
    for (std::int64_t p = 0; p < positions; ++p) {
      for (std::int64_t j = 0; j < head_dim / 2; ++j) {
        const double angle = static_cast<double>(p) * std::pow(0.3, static_cast<double>(j));
        cosines(p, j) = std::cos(angle);
        sines(p, j) = std::sin(angle);
      }
    }
  }
  Numbers cosines;
  Numbers sines;
};

}  // namespace

TEST("linear layers") {
  Random random(80);
  Numbers x = random_numbers(random, 7, 11);
  Numbers w = random_numbers(random, 5, 11);
  const Numbers d_out = random_numbers(random, 7, 5);
  const auto number = [&] { return inner(reference::linear(x, w), d_out); };
  check_gradient("linear_back", x, reference::linear_back(d_out, w), number);
  check_gradient("weight_back", w, reference::weight_back(d_out, x), number);
}

TEST("rank units: inputs, factors and coefficients") {
  Random random(81);
  Numbers x = random_numbers(random, 9, 6);
  Numbers a = random_numbers(random, 4, 6);
  Numbers b = random_numbers(random, 5, 4);
  Numbers c = random_numbers(random, 3, 4);
  const std::vector<std::int32_t> sets{0, 0, 2, 1, 1, 0, 2, 2, 1};
  const Numbers d_out = random_numbers(random, 9, 5);
  const auto number = [&] { return inner(reference::units(x, a, b, c, sets), d_out); };
  const Numbers u = reference::linear(x, a);
  const Numbers v = reference::linear_back(d_out, b);
  const Numbers d_u = reference::scale_units(v, c, sets);
  check_gradient("c", c, reference::unit_back(u, v, sets, 3), number);
  check_gradient("a", a, reference::weight_back(d_u, x), number);
  check_gradient("b", b, reference::weight_back(d_out, reference::scale_units(u, c, sets)), number);
  check_gradient("x", x, reference::linear_back(d_u, a), number);
}

TEST("dropout") {
  Random random(82);
  Numbers x = random_numbers(random, 6, 37);
  const Numbers d_out = random_numbers(random, 6, 37);
  for (const double rate : {0.0, 0.1, 0.5, 0.9}) {
    const auto number = [&] { return inner(reference::dropout(x, rate, 77), d_out); };
    check_gradient("dropout", x, reference::dropout(d_out, rate, 77), number);
  }
  const Numbers kept = reference::dropout(x, 0.5, 77);
  std::int64_t zeros = 0;
  for (std::int64_t i = 0; i < kept.size(); ++i) zeros += kept.data()[i] == 0 ? 1 : 0;
  CHECK(zeros > 70 && zeros < 150);
}

TEST("norms of rows and of heads") {
  Random random(83);
  for (const auto& [rows, cols, scale] : {std::tuple{5, 33, 1.0}, {12, 8, 0.01}, {3, 1, 1.0}}) {
    Numbers x = random_numbers(random, rows, cols, scale);
    const Numbers weight = random_numbers(random, 1, cols);
    const Numbers d_out = random_numbers(random, rows, cols);
    const auto number = [&] { return inner(reference::rms_norm(x, weight, 1e-3), d_out); };
    check_gradient(sizes("rms_norm_back", {rows, cols}), x, reference::rms_norm_back(x, weight, 1e-3, d_out), number);
  }
}

TEST("rotary positions") {
  Random random(84);
  const Tables tables(20, 6);
  Numbers x = random_numbers(random, 7, 18);
  const std::vector<std::int32_t> positions{0, 1, 2, 19, 3, 3, 8};
  const Numbers d_out = random_numbers(random, 7, 18);
  const auto number = [&] { return inner(reference::rope(x, 6, positions, tables.cosines, tables.sines), d_out); };
  check_gradient("rope_back", x, reference::rope_back(d_out, 6, positions, tables.cosines, tables.sines), number);
}

TEST("attention: groups, windows, packed sequences, rows of no sequence") {
  Random random(85);
  const std::vector<ops::SequenceRows> packed{{1, 6, 0, -1}, {7, 1, 0, -1}, {9, 5, 0, -1}};
  for (const auto& [heads, kv_heads, window] :
       {std::tuple{1, 1, 0}, {4, 2, 0}, {3, 1, 2}, {4, 4, 3}, {6, 2, 100}}) {
    const ops::AttentionShape shape{heads, kv_heads, 5, window};
    Numbers q = random_numbers(random, 15, heads * 5, 2);
    Numbers k = random_numbers(random, 15, kv_heads * 5, 2);
    Numbers v = random_numbers(random, 15, kv_heads * 5);
    const Numbers d_out = random_numbers(random, 15, heads * 5);
    const auto number = [&] { return inner(reference::attention(q, k, v, {}, {}, 0, packed, shape), d_out); };
    const reference::AttentionGradients d = reference::attention_back(q, k, v, d_out, packed, shape);
    const std::string what = sizes("attention_back", {heads, kv_heads, window});
    check_gradient(what + " q", q, d.q, number);
    check_gradient(what + " k", k, d.k, number);
    check_gradient(what + " v", v, d.v, number);
    for (const std::int64_t row : {0, 8, 14}) {
      for (std::int64_t j = 0; j < d.k.cols(); ++j) CHECK(d.k(row, j) == 0 && d.v(row, j) == 0);
    }
  }
}

TEST("gated units") {
  Random random(86);
  Numbers gate = random_numbers(random, 5, 23, 6);
  Numbers up = random_numbers(random, 5, 23);
  const Numbers d_out = random_numbers(random, 5, 23);
  const auto number = [&] { return inner(reference::swiglu(gate, up), d_out); };
  const reference::SwigluGradients d = reference::swiglu_back(gate, up, d_out);
  check_gradient("gate", gate, d.gate, number);
  check_gradient("up", up, d.up, number);
}

TEST("losses of tokens") {
  Random random(87);
  Numbers x = random_numbers(random, 6, 9);
  const Numbers w = random_numbers(random, 31, 9);
  const std::vector<std::int32_t> targets{3, 30, -1, 0, 17, 8};
  const std::vector<float> weights{0.5f, 1, 0, -0.25f, 2, 0.1f};
  for (const auto objective : {TokenObjective::cross_entropy, TokenObjective::entropy}) {
    const auto number = [&] {
      const reference::TokenLoss loss = reference::token_loss(objective, x, w, targets, weights);
      double sum = 0;
      for (std::size_t t = 0; t < weights.size(); ++t) sum += double{weights[t]} * loss.values[t];
      return sum;
    };
    check_gradient("token_loss", x, reference::token_loss(objective, x, w, targets, weights).d_x, number);
  }
}

TEST("the values of losses are those of the probabilities") {
  Random random(88);
  const Numbers x = random_numbers(random, 5, 4);
  const Numbers w = random_numbers(random, 7, 4);
  const std::vector<std::int32_t> targets{6, 0, 3, 2, 1};
  const std::vector<float> weights{1, 1, 0, 1, -2};
  const Numbers logits = reference::linear(x, w);
  const auto cross = reference::token_loss(TokenObjective::cross_entropy, x, w, targets, weights).values;
  const auto entropy = reference::token_loss(TokenObjective::entropy, x, w, {}, weights).values;
  for (std::int64_t t = 0; t < 5; ++t) {
    const auto token = static_cast<std::size_t>(t);
    double total = 0;
    for (std::int64_t j = 0; j < 7; ++j) total += std::exp(logits(t, j));
    double expected = 0;
    for (std::int64_t j = 0; j < 7; ++j) {
      const double p = std::exp(logits(t, j)) / total;
      expected -= p * std::log(p);
    }
    const bool judged = weights[token] != 0;
    CHECK_NEAR(entropy[token], judged ? expected : 0, 1e-12);
    CHECK_NEAR(cross[token], judged ? -std::log(std::exp(logits(t, targets[token])) / total) : 0, 1e-12);
  }
}

TEST("AdamW: a first step worked out by hand") {
  Numbers p(1, 2);
  Numbers m(1, 2);
  Numbers v(1, 2);
  Numbers g(1, 2);
  p(0, 0) = p(0, 1) = 2;
  g(0, 0) = g(0, 1) = 3;
  Numbers mask(1, 2);
  mask(0, 1) = 1;
  reference::adamw(p, g, m, v, mask, {.t = 1, .rate = 0.1, .weight_decay = 0.5, .gradient_scale = 2});
  CHECK_NEAR(m(0, 1), 0.6, 1e-15);
  CHECK_NEAR(v(0, 1), 0.036, 1e-15);
  CHECK_NEAR(p(0, 1), 2 * 0.95 - 0.1, 1e-9);  // the first step goes its whole rate, but for epsilon
  CHECK(p(0, 0) == 2 && m(0, 0) == 0 && v(0, 0) == 0);
}
