// What every device must do right, operator by operator, against the references in double: random shapes, all stored
// types, gaps between rows, poison where results go. `tolerance` is the relative error (Frobenius) that the device's
// stored activations allow.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "device_values.h"
#include "ops/device.h"
#include "random_matrix.h"
#include "reference_ops.h"
#include "runner.h"

namespace amalgam::test {

using core::DType;
using reference::Numbers;

/// The types that the device keeps weights in.
inline std::vector<DType> weight_types(const ops::Device& device) {
  std::vector<DType> types;
  for (const DType type : {DType::F32, DType::BF16, DType::F16}) {
    const DType stored = device.stored(type);
    if (std::find(types.begin(), types.end(), stored) == types.end()) types.push_back(stored);
  }
  return types;
}

inline std::vector<std::int32_t> random_ids(Random& random, std::int64_t count, std::int64_t below) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < count; ++i) ids.push_back(static_cast<std::int32_t>(random.integer(0, below - 1)));
  return ids;
}

inline Numbers random_numbers(Random& random, std::int64_t rows, std::int64_t cols, double scale = 1) {
  Numbers numbers = random_matrix<double>(random, rows, cols);
  for (std::int64_t i = 0; i < numbers.size(); ++i) numbers.data()[i] *= scale;
  return numbers;
}

inline void check_close(const Placed& actual, const Numbers& expected, double tolerance, const std::string& what) {
  const double error = relative_error(actual.read(), expected);
  if (!(error <= tolerance)) fail(what + ": relative error " + shown(error), AMALGAM_HERE);
  if (!actual.gaps_untouched()) fail(what + ": wrote between the rows", AMALGAM_HERE);
}

inline std::string sizes(const std::string& name, std::initializer_list<std::int64_t> numbers) {
  std::string text = name;
  for (const std::int64_t number : numbers) text += " " + std::to_string(number);
  return text;
}

inline void check_embed(ops::Device& device) {
  Random random(1);
  for (const DType type : weight_types(device)) {
    Numbers table = random_numbers(random, 50, 37);
    const Placed placed(device, type, table);
    const std::vector<std::int32_t> ids = random_ids(random, 23, 50);
    Numbers expected = reference::embed(table, ids);
    const Placed rounded(device, device.activations(), expected);
    const Placed out(device, device.activations(), 23, 37);
    device.embed(placed.view(), ids, out.view());
    CHECK(same_bits(out.read(), expected));
    CHECK(out.gaps_untouched());
  }
}

inline void check_rms_norm(ops::Device& device, double tolerance) {
  Random random(2);
  for (const DType type : weight_types(device)) {
    for (const std::int64_t cols : {1, 16, 64, 100, 768, 2049}) {
      const std::int64_t rows = random.integer(1, 40);
      Numbers x = random_numbers(random, rows, cols, 30);
      Numbers weight = random_numbers(random, 1, cols);
      const Placed in(device, device.activations(), x);
      const Placed factors(device, type, weight);
      const Placed out(device, device.activations(), rows, cols, 5);
      device.rms_norm(in.view(), factors.view(), 1e-5f, out.view());
      const Numbers expected = reference::rms_norm(x, weight, 1e-5);
      check_close(out, expected, tolerance, sizes("rms_norm", {rows, cols}));
      device.rms_norm(in.view(), factors.view(), 1e-5f, in.view());
      check_close(in, expected, tolerance, sizes("rms_norm in place", {rows, cols}));
    }
  }
}

inline void check_linear(ops::Device& device, double tolerance) {
  Random random(3);
  struct Shape {
    std::int64_t rows, in, out;
  };
  std::vector<Shape> shapes{{1, 1, 1},     {1, 900, 70},   {2, 64, 16},   {5, 770, 33},
                            {7, 385, 600}, {64, 48, 1100}, {130, 256, 16}};
  for (int i = 0; i < 6; ++i) {
    shapes.push_back({random.integer(1, 60), random.integer(1, 500), random.integer(1, 300)});
  }
  for (const DType type : weight_types(device)) {
    for (const Shape& shape : shapes) {
      Numbers x = random_numbers(random, shape.rows, shape.in);
      Numbers w = random_numbers(random, shape.out, shape.in);
      const Placed in(device, device.activations(), x);
      const Placed weights(device, type, w);
      const Placed out(device, device.activations(), shape.rows, shape.out);
      const std::string what = sizes("linear", {shape.rows, shape.in, shape.out});
      const Numbers expected = reference::linear(x, w);
      device.linear(in.view(), weights.view(), out.view(), ops::Into::overwrite);
      check_close(out, expected, tolerance, what);
      Numbers start = random_numbers(random, shape.rows, shape.out);
      const Placed sum(device, device.activations(), start);
      device.linear(in.view(), weights.view(), sum.view(), ops::Into::accumulate);
      check_close(sum, reference::add(start, expected), tolerance, what + " added");
    }
  }
}

inline void check_sums(ops::Device& device, double tolerance) {
  Random random(4);
  for (const std::int64_t cols : {1, 33, 1000}) {
    const std::int64_t rows = random.integer(1, 50);
    Numbers x = random_numbers(random, rows, cols);
    Numbers y = random_numbers(random, rows, cols);
    const Placed sum(device, device.activations(), x);
    const Placed summand(device, device.activations(), y, 7);
    device.add(sum.view(), summand.view());
    check_close(sum, reference::add(x, y), tolerance, sizes("add", {rows, cols}));
    for (const DType type : weight_types(device)) {
      Numbers bias = random_numbers(random, 1, cols);
      const Placed placed_bias(device, type, bias);
      const Placed biased(device, device.activations(), x);
      device.add_bias(biased.view(), placed_bias.view());
      check_close(biased, reference::add_bias(x, bias), tolerance, sizes("add_bias", {rows, cols}));
    }
  }
}

inline void check_add_units(ops::Device& device, double tolerance) {
  Random random(5);
  for (const std::int64_t units : {1, 8, 16, 48, 130}) {
    const std::int64_t rows = random.integer(1, 70);
    const std::int64_t in = random.integer(1, 400);
    const std::int64_t out = random.integer(1, 300);
    const std::int64_t sets = random.integer(1, 4);
    Numbers x = random_numbers(random, rows, in);
    Numbers a = random_numbers(random, units, in);
    Numbers b = random_numbers(random, out, units);
    Numbers c = random_numbers(random, sets, units);
    Numbers start = random_numbers(random, rows, out);
    const std::vector<std::int32_t> set_of_row = random_ids(random, rows, sets);
    const Placed placed_x(device, device.activations(), x);
    const Placed placed_a(device, device.activations(), a);
    const Placed placed_b(device, device.activations(), b);
    const Placed placed_c(device, DType::F32, c);
    const Placed sum(device, device.activations(), start);
    device.add_units(placed_x.view(), placed_a.view(), placed_b.view(), placed_c.view(), set_of_row, sum.view());
    check_close(sum, reference::add(start, reference::units(x, a, b, c, set_of_row)), tolerance,
                sizes("add_units", {rows, in, units, out}));
  }
}

inline void check_rope(ops::Device& device, double tolerance) {
  Random random(6);
  for (const std::int64_t head_dim : {2, 64, 80, 128}) {
    const std::int64_t heads = random.integer(1, 5);
    const std::int64_t rows = random.integer(1, 40);
    const std::int64_t positions = 300;
    Numbers cosines(positions, head_dim / 2);
    Numbers sines(positions, head_dim / 2);
    for (std::int64_t p = 0; p < positions; ++p) {
      for (std::int64_t j = 0; j < head_dim / 2; ++j) {
        const double angle =
            static_cast<double>(p) * std::pow(10000.0, -2.0 * static_cast<double>(j) / static_cast<double>(head_dim));
        cosines(p, j) = std::cos(angle);
        sines(p, j) = std::sin(angle);
      }
    }
    Numbers x = random_numbers(random, rows, heads * head_dim);
    const std::vector<std::int32_t> at = random_ids(random, rows, positions);
    const Placed turned(device, device.activations(), x);
    const Placed placed_cosines(device, DType::F32, cosines, 0);
    const Placed placed_sines(device, DType::F32, sines, 0);
    device.rope(turned.view(), head_dim, at, placed_cosines.view(), placed_sines.view());
    check_close(turned, reference::rope(x, head_dim, at, cosines, sines), tolerance,
                sizes("rope", {rows, heads, head_dim}));
  }
}

/// Sequences of a batch with a cache that is poisoned where no sequence has its past.
struct AttentionCase {
  ops::AttentionShape shape;
  std::int64_t slots = 0;
  std::int64_t positions = 0;
  std::vector<ops::SequenceRows> sequences;

  std::int64_t rows() const { return sequences.empty() ? 0 : sequences.back().first + sequences.back().rows; }
};

inline AttentionCase random_attention(Random& random, std::int64_t head_dim, std::int64_t window) {
  AttentionCase one;
  const std::int64_t kv_heads = random.integer(1, 3);
  one.shape = {kv_heads * random.integer(1, 4), kv_heads, head_dim, window};
  one.slots = 3;
  one.positions = 450;
  std::int64_t first = 0;
  for (const std::int64_t past : {std::int64_t{0}, random.integer(1, 20), random.integer(380, 400), std::int64_t{0}}) {
    const std::int64_t rows = random.integer(1, past == 0 ? 120 : 40);
    const std::int64_t slot = past == 0 ? -1 : static_cast<std::int64_t>(one.sequences.size()) % 3;
    one.sequences.push_back({first, rows, past, slot});
    first += rows;
  }
  one.sequences.push_back({first, 1, random.integer(1, 400), 0});  // a step of decoding
  return one;
}

inline void check_attention(ops::Device& device, double tolerance) {
  Random random(7);
  for (const auto& [head_dim, window] : {std::pair{16, 0}, {64, 0}, {64, 30}, {128, 0}, {80, 100}, {40, 1}}) {
    const AttentionCase one = random_attention(random, head_dim, window);
    const std::int64_t kv_cols = one.shape.kv_heads * head_dim;
    Numbers q = random_numbers(random, one.rows(), one.shape.heads * head_dim, 3);
    Numbers k = random_numbers(random, one.rows(), kv_cols, 3);
    Numbers v = random_numbers(random, one.rows(), kv_cols);
    Numbers keys = random_numbers(random, one.slots * one.positions, kv_cols, 3);
    Numbers values = random_numbers(random, one.slots * one.positions, kv_cols);
    for (std::int64_t slot = 0; slot < one.slots; ++slot) {
      std::int64_t past = 0;
      for (const auto& sequence : one.sequences) past = std::max(past, sequence.slot == slot ? sequence.past : 0);
      for (std::int64_t p = past; p < one.positions; ++p) {
        std::fill_n(keys.row(slot * one.positions + p), kv_cols, NAN);
        std::fill_n(values.row(slot * one.positions + p), kv_cols, NAN);
      }
    }
    const Placed placed_q(device, device.activations(), q);
    const Placed placed_k(device, device.activations(), k);
    const Placed placed_v(device, device.activations(), v);
    const Placed placed_keys(device, device.activations(), keys, 0);
    const Placed placed_values(device, device.activations(), values, 0);
    const Placed out(device, device.activations(), q.rows(), q.cols());
    device.attention(placed_q.view(), placed_k.view(), placed_v.view(),
                     {placed_keys.view(), placed_values.view(), one.positions}, one.sequences, one.shape, out.view());
    check_close(out, reference::attention(q, k, v, keys, values, one.positions, one.sequences, one.shape), tolerance,
                sizes("attention", {one.rows(), one.shape.heads, one.shape.kv_heads, head_dim, window}));
  }
}

inline void check_keep_keys(ops::Device& device) {
  Random random(8);
  const std::vector<ops::SequenceRows> sequences{{0, 5, 3, 1}, {5, 2, 0, -1}, {7, 4, 0, 0}};
  Numbers k = random_numbers(random, 11, 24);
  Numbers v = random_numbers(random, 11, 24);
  Numbers keys = random_numbers(random, 20, 24);
  Numbers values = random_numbers(random, 20, 24);
  const Placed placed_k(device, device.activations(), k);
  const Placed placed_v(device, device.activations(), v);
  const Placed placed_keys(device, device.activations(), keys, 0);
  const Placed placed_values(device, device.activations(), values, 0);
  device.keep_keys(placed_k.view(), placed_v.view(), {placed_keys.view(), placed_values.view(), 10}, sequences);
  reference::keep(k, keys, 10, sequences);
  reference::keep(v, values, 10, sequences);
  CHECK(same_bits(placed_keys.read(), keys));
  CHECK(same_bits(placed_values.read(), values));
}

inline void check_swiglu(ops::Device& device, double tolerance) {
  Random random(9);
  for (const std::int64_t cols : {1, 31, 2000}) {
    const std::int64_t rows = random.integer(1, 30);
    Numbers gate = random_numbers(random, rows, cols, 20);
    Numbers up = random_numbers(random, rows, cols);
    const Placed placed_gate(device, device.activations(), gate);
    const Placed placed_up(device, device.activations(), up, 5);
    const Placed out(device, device.activations(), rows, cols, 1);
    const Numbers expected = reference::swiglu(gate, up);
    device.swiglu(placed_gate.view(), placed_up.view(), out.view());
    check_close(out, expected, tolerance, sizes("swiglu", {rows, cols}));
    device.swiglu(placed_gate.view(), placed_up.view(), placed_gate.view());
    check_close(placed_gate, expected, tolerance, sizes("swiglu in place", {rows, cols}));
  }
}

/// Log-probabilities to `tolerance`, absolute; the best token's logit may be that much below the largest.
inline void check_token_choices(ops::Device& device, double tolerance) {
  Random random(10);
  for (const DType type : weight_types(device)) {
    for (const auto& [rows, hidden, vocabulary] : {std::tuple{1, 8, 5}, {9, 100, 1000}, {33, 64, 3001}}) {
      Numbers x = random_numbers(random, rows, hidden);
      Numbers w = random_numbers(random, vocabulary, hidden);
      const Placed placed_x(device, device.activations(), x);
      const Placed placed_w(device, type, w);
      std::vector<std::int32_t> targets = random_ids(random, rows, vocabulary);
      for (std::size_t t = 1; t < targets.size(); t += 3) targets[t] = -1;
      const reference::Choices expected = reference::token_choices(x, w, targets);
      std::vector<double> log_probabilities(targets.size(), NAN);
      std::vector<std::int32_t> best(targets.size(), -7);
      device.token_choices(placed_x.view(), placed_w.view(), targets, log_probabilities, best);
      const Numbers logits = reference::linear(x, w);
      for (std::size_t t = 0; t < targets.size(); ++t) {
        const double* row = logits.row(static_cast<std::int64_t>(t));
        CHECK(best[t] >= 0 && best[t] < vocabulary);
        CHECK_NEAR(row[best[t]], row[expected.best[t]], tolerance);
        if (targets[t] >= 0) CHECK_NEAR(log_probabilities[t], expected.log_probabilities[t], tolerance);
      }
      std::vector<std::int32_t> best_alone(targets.size(), -7);
      device.token_choices(placed_x.view(), placed_w.view(), {}, {}, best_alone);
      CHECK(best_alone == best);
      std::vector<double> totals_alone(targets.size(), NAN);
      device.token_choices(placed_x.view(), placed_w.view(), targets, totals_alone, {});
      for (std::size_t t = 0; t < targets.size(); ++t) {
        if (targets[t] >= 0) CHECK_EQ(totals_alone[t], log_probabilities[t]);
      }
      std::vector<double> totals_of_best(targets.size(), NAN);
      device.token_choices(placed_x.view(), placed_w.view(), best, totals_alone, {});
      const std::vector<std::int32_t> all_best(targets.size(), ops::best_token);
      device.token_choices(placed_x.view(), placed_w.view(), all_best, totals_of_best, best_alone);
      CHECK(totals_of_best == totals_alone);
      CHECK(best_alone == best);
    }
  }
}

/// Ties go to the lowest index; a logit that is not finite gives -1 and NaN, and spoils no other row.
inline void check_token_choices_at_the_edges(ops::Device& device) {
  Numbers x(4, 2);
  Numbers w(6, 2);
  const double rows[4][2] = {{1, 0}, {0, 1}, {NAN, 0}, {1, 1}};
  const double vectors[6][2] = {{-1, 2}, {3, 1}, {0, 2}, {3, 2}, {3, -1}, {1, 0}};
  for (std::int64_t i = 0; i < 4; ++i) std::copy_n(rows[i], 2, x.row(i));
  for (std::int64_t i = 0; i < 6; ++i) std::copy_n(vectors[i], 2, w.row(i));
  const Placed placed_x(device, device.activations(), x);
  const Placed placed_w(device, device.stored(DType::F32), w);
  std::vector<double> log_probabilities(4, 5.0);
  std::vector<std::int32_t> best(4, -7);
  const std::vector<std::int32_t> targets{1, 3, 2, 0};
  device.token_choices(placed_x.view(), placed_w.view(), targets, log_probabilities, best);
  CHECK(best == std::vector<std::int32_t>({1, 0, -1, 3}));
  CHECK(std::isnan(log_probabilities[2]));
  for (const std::size_t t : {0, 1, 3}) CHECK(log_probabilities[t] < 0);
}

}  // namespace amalgam::test
