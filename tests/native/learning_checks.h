// The loss of tokens and the steps of learning on every device, as operator_checks.h forward.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "backward_checks.h"

namespace amalgam::test {

/// Values to `exact`, absolute. Rows without a weight cost nothing and get no gradient.
inline void check_token_loss(ops::Device& device, double tolerance, double exact) {
  Random random(71);
  for (const auto& [rows, hidden, vocabulary] : {std::tuple{1, 8, 5}, {9, 100, 300}, {33, 64, 1001}}) {
    Numbers x = random_numbers(random, rows, hidden);
    Numbers w = random_numbers(random, vocabulary, hidden, 0.5);
    const Placed placed_x(device, device.activations(), x);
    const Placed placed_w(device, device.stored(DType::F32), w);
    const std::vector<std::int32_t> targets = random_ids(random, rows, vocabulary);
    std::vector<float> weights(targets.size());
    for (std::size_t t = 0; t < weights.size(); ++t) weights[t] = t % 3 == 1 ? 0.0f : 0.1f * static_cast<float>(t + 1);
    for (const auto objective : {ops::TokenObjective::cross_entropy, ops::TokenObjective::entropy}) {
      const bool entropy = objective == ops::TokenObjective::entropy;
      const std::string what = sizes(entropy ? "entropy" : "cross-entropy", {rows, hidden, vocabulary});
      const reference::TokenLoss expected = reference::token_loss(objective, x, w, targets, weights);
      std::vector<double> values(targets.size(), NAN);
      const Placed d_x(device, device.activations(), rows, hidden);
      const std::span<const std::int32_t> asked = entropy ? std::span<const std::int32_t>() : targets;
      device.token_loss(objective, placed_x.view(), placed_w.view(), asked, weights, values, d_x.view());
      check_close(d_x, expected.d_x, tolerance, what);
      for (std::size_t t = 0; t < values.size(); ++t) CHECK_NEAR(values[t], expected.values[t], exact);
      const Numbers found = d_x.read();
      for (std::int64_t j = 0; rows > 1 && j < hidden; ++j) CHECK_EQ(found(1, j), 0.0);
      std::vector<double> alone(targets.size(), NAN);
      device.token_loss(objective, placed_x.view(), placed_w.view(), targets, weights, alone, {});
      CHECK(alone == values);
    }
  }
}

/// A logit that is not finite gives NaN and spoils no other row; no weights at all give zeros.
inline void check_token_loss_at_the_edges(ops::Device& device) {
  Numbers x(3, 2);
  Numbers w(4, 2);
  const double rows[3][2] = {{1, 0}, {NAN, 1}, {200, 1}};
  const double vectors[4][2] = {{1, 2}, {3, 1}, {0, 2}, {-3, 2}};
  for (std::int64_t i = 0; i < 3; ++i) std::copy_n(rows[i], 2, x.row(i));
  for (std::int64_t i = 0; i < 4; ++i) std::copy_n(vectors[i], 2, w.row(i));
  const Placed placed_x(device, device.activations(), x);
  const Placed placed_w(device, device.stored(DType::F32), w);
  const Placed d_x(device, device.activations(), 3, 2);
  std::vector<double> values(3, 5.0);
  const auto judge = [&](ops::TokenObjective objective, const std::vector<float>& weights) {
    const std::vector<std::int32_t> targets{1, 0, 3};
    device.token_loss(objective, placed_x.view(), placed_w.view(), targets, weights, values, d_x.view());
  };
  judge(ops::TokenObjective::cross_entropy, {1, 1, 1});
  CHECK(std::isfinite(values[0]) && std::isnan(values[1]));
  CHECK_NEAR(values[2], 1199.0, 1e-3);
  CHECK(std::isnan(d_x.read()(1, 0)) && std::isfinite(d_x.read()(0, 0)) && std::isfinite(d_x.read()(2, 1)));
  judge(ops::TokenObjective::entropy, {1, 0, 1});
  CHECK(values[0] > 0 && values[1] == 0.0);
  CHECK_NEAR(values[2], 0, 1e-12);
  judge(ops::TokenObjective::entropy, {0, 0, 0});
  CHECK(values == std::vector<double>(3, 0.0));
  CHECK(same_bits(d_x.read(), Numbers(3, 2)));
}

inline void check_squared_norm(ops::Device& device) {
  Random random(72);
  for (const auto& [rows, cols] : {std::pair{1, 1}, {7, 300}, {130, 260}}) {
    Numbers g = random_numbers(random, rows, cols);
    Numbers mask = random_mask(random, rows, cols);
    mask(0, 0) = 1;
    const Placed placed(device, DType::F32, g);
    const PlacedMask placed_mask(device, mask);
    const double whole = reference::squared_norm(g, {});
    const double masked = reference::squared_norm(g, mask);
    CHECK_NEAR(device.squared_norm(placed.view(), {}), whole, 1e-12 * whole);
    CHECK_NEAR(device.squared_norm(placed.view(), placed_mask.view()), masked, 1e-12 * masked);
    CHECK_EQ(device.squared_norm(placed.view(), {}), device.squared_norm(placed.view(), {}));
    g(rows - 1, cols - 1) = INFINITY;
    CHECK(!std::isfinite(device.squared_norm(Placed(device, DType::F32, g).view(), {})));
  }
}

/// Steps with and without masks and copies; what a mask leaves out keeps its bits.
inline void check_adamw(ops::Device& device, double exact) {
  Random random(73);
  for (const bool with_mask : {false, true}) {
    const std::int64_t rows = 20;
    const std::int64_t cols = 33;
    Numbers p = random_numbers(random, rows, cols);
    Numbers m(rows, cols);
    Numbers v(rows, cols);
    const Numbers mask = with_mask ? random_mask(random, rows, cols) : Numbers();
    const Placed placed_p(device, DType::F32, p);
    const Placed placed_m(device, DType::F32, m, 4);
    const Placed placed_v(device, DType::F32, v);
    const Placed copy(device, device.activations(), rows, cols, 5);
    const PlacedMask placed_mask(device, mask);
    const ops::Array mask_view = with_mask ? placed_mask.view() : ops::Array{};
    const Numbers before = p.copy();
    ops::AdamwStep step{.rate = 0.01, .weight_decay = 0.1, .gradient_scale = 0.7};
    for (step.t = 1; step.t <= 3; ++step.t) {
      Numbers g = random_numbers(random, rows, cols);
      const Placed placed_g(device, DType::F32, g);
      device.adamw(placed_p.view(), placed_g.view(), placed_m.view(), placed_v.view(), mask_view, step,
                   step.t == 3 ? copy.view() : ops::Array{});
      reference::adamw(p, g, m, v, mask, step);
    }
    check_close(placed_p, p, exact, "adamw");
    check_close(placed_m, m, exact, "adamw m");
    check_close(placed_v, v, exact, "adamw v");
    Numbers rounded = placed_p.read();
    const Placed as_copied(device, device.activations(), rounded);
    CHECK(same_bits(copy.read(), rounded));
    CHECK(copy.gaps_untouched());
    const Numbers after = placed_p.read();
    for (std::int64_t i = 0; with_mask && i < p.size(); ++i) {
      CHECK((after.data()[i] == before.data()[i]) == (mask.data()[i] == 0));
    }
  }
}

}  // namespace amalgam::test
