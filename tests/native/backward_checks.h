// What every device must do right backward and in learning, as operator_checks.h forward.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "operator_checks.h"
#include "reference_back.h"

namespace amalgam::test {

/// A mask of 0 and 1 on a device, with gaps between the rows.
class PlacedMask {
 public:
  PlacedMask(ops::Device& device, const Numbers& mask, std::int64_t gap = usual_gap)
      : rows_(mask.rows()), cols_(mask.cols()), stride_(mask.cols() + gap),
        buffer_(device, static_cast<std::size_t>(rows_ * stride_)) {
    std::vector<std::uint8_t> bytes(buffer_.bytes(), 0xff);
    for (std::int64_t i = 0; i < rows_; ++i) {
      for (std::int64_t j = 0; j < cols_; ++j) {
        bytes[static_cast<std::size_t>(i * stride_ + j)] = mask(i, j) != 0 ? 1 : 0;
      }
    }
    device.upload(buffer_.data(), bytes.data(), bytes.size());
  }
  ops::Array view() const { return {buffer_.data(), DType::U8, rows_, cols_, stride_}; }

 private:
  std::int64_t rows_;
  std::int64_t cols_;
  std::int64_t stride_;
  ops::DeviceBuffer buffer_;
};

inline Numbers random_mask(Random& random, std::int64_t rows, std::int64_t cols) {
  Numbers mask(rows, cols);
  for (std::int64_t i = 0; i < mask.size(); ++i) mask.data()[i] = static_cast<double>(random.integer(0, 1));
  return mask;
}

/// `exact` is the tolerance of what is stored in F32.
inline void check_linear_back(ops::Device& device, double tolerance, double exact) {
  Random random(61);
  for (const DType type : weight_types(device)) {
    for (const auto& [rows, in, out] : {std::tuple{1, 1, 1}, {3, 72, 40}, {70, 131, 33}, {130, 16, 200}}) {
      Numbers d_out = random_numbers(random, rows, out);
      Numbers w = random_numbers(random, out, in);
      Numbers start = random_numbers(random, rows, in);
      const Placed placed_d_out(device, device.activations(), d_out);
      const Placed weights(device, type, w);
      const std::string what = sizes("linear_back", {rows, in, out});
      const Numbers expected = reference::linear_back(d_out, w);
      const Placed sum(device, device.activations(), start);
      device.linear_back(placed_d_out.view(), weights.view(), sum.view(), ops::Into::accumulate);
      check_close(sum, reference::add(start, expected), tolerance, what + " added");
      const Placed d_x(device, device.activations(), rows, in);
      device.linear_back(placed_d_out.view(), weights.view(), d_x.view(), ops::Into::overwrite);
      check_close(d_x, expected, tolerance, what);
      const Placed wide(device, DType::F32, rows, in);
      device.linear_back(placed_d_out.view(), weights.view(), wide.view(), ops::Into::overwrite);
      check_close(wide, expected, exact, what + " into float");
    }
  }
}

inline void check_weight_back(ops::Device& device, double exact) {
  Random random(62);
  for (const auto& [rows, in, out] : {std::tuple{1, 1, 1}, {5, 40, 72}, {70, 131, 33}, {130, 200, 16}}) {
    Numbers d_out = random_numbers(random, rows, out);
    Numbers x = random_numbers(random, rows, in);
    Numbers start = random_numbers(random, out, in);
    const Placed placed_d_out(device, device.activations(), d_out);
    const Placed placed_x(device, device.activations(), x);
    const Placed sum(device, DType::F32, start);
    device.weight_back(placed_d_out.view(), placed_x.view(), sum.view());
    check_close(sum, reference::add(start, reference::weight_back(d_out, x)), exact,
                sizes("weight_back", {rows, in, out}));
  }
}

/// Sets of coefficients in long stretches, as sequences have them, and in disorder.
inline void check_unit_gradients(ops::Device& device, double tolerance, double exact) {
  Random random(63);
  for (const auto& [rows, units, sets] : {std::tuple{1, 1, 1}, {150, 33, 1}, {200, 130, 3}, {60, 16, 5}}) {
    std::vector<std::int32_t> set_of_row;
    for (int t = 0; t < rows; ++t) {
      set_of_row.push_back(sets == 5 ? static_cast<std::int32_t>(random.integer(0, sets - 1)) : t * sets / rows);
    }
    Numbers u = random_numbers(random, rows, units);
    Numbers v = random_numbers(random, rows, units);
    Numbers c = random_numbers(random, sets, units);
    Numbers start = random_numbers(random, sets, units);
    const Placed placed_u(device, DType::F32, u);
    const Placed placed_v(device, DType::F32, v, 5);
    const Placed placed_c(device, DType::F32, c);
    const Placed scaled(device, device.activations(), rows, units);
    device.scale_units(placed_u.view(), placed_c.view(), set_of_row, scaled.view());
    check_close(scaled, reference::scale_units(u, c, set_of_row), tolerance, sizes("scale_units", {rows, units, sets}));
    const Placed sum(device, DType::F32, start);
    device.unit_back(placed_u.view(), placed_v.view(), set_of_row, sum.view());
    check_close(sum, reference::add(start, reference::unit_back(u, v, set_of_row, sets)), exact,
                sizes("unit_back", {rows, units, sets}));
  }
}

/// The masks are the same ones everywhere.
inline void check_dropout(ops::Device& device, double tolerance) {
  Random random(64);
  const std::uint64_t key = 0x0123456789abcdefu;
  for (const auto& [rows, cols, rate] : {std::tuple{1, 1, 0.0f}, {9, 50, 0.1f}, {33, 64, 0.5f}, {2, 700, 0.95f}}) {
    Numbers x = random_numbers(random, rows, cols);
    Numbers start = random_numbers(random, rows, cols);
    const Placed placed_x(device, device.activations(), x);
    const Placed out(device, device.activations(), rows, cols);
    const Placed sum(device, device.activations(), start);
    const Numbers expected = reference::dropout(x, static_cast<double>(rate), key);
    const std::string what = sizes("dropout", {rows, cols});
    device.dropout(placed_x.view(), rate, key, out.view(), ops::Into::overwrite);
    check_close(out, expected, tolerance, what);
    const Numbers found = out.read();
    for (std::int64_t i = 0; i < found.size(); ++i) CHECK((found.data()[i] == 0) == (expected.data()[i] == 0));
    device.dropout(placed_x.view(), rate, key, sum.view(), ops::Into::accumulate);
    check_close(sum, reference::add(start, expected), tolerance, what + " added");
    device.dropout(placed_x.view(), rate, key, placed_x.view(), ops::Into::overwrite);
    CHECK(same_bits(placed_x.read(), found));
  }
}

inline void check_rms_norm_back(ops::Device& device, double tolerance) {
  Random random(65);
  for (const DType type : weight_types(device)) {
    for (const auto& [rows, cols] : {std::pair{3, 1}, {17, 64}, {5, 100}, {3, 2056}}) {
      Numbers x = random_numbers(random, rows, cols, 3);
      Numbers weight = random_numbers(random, 1, cols);
      Numbers d_out = random_numbers(random, rows, cols);
      Numbers start = random_numbers(random, rows, cols);
      const Placed placed_x(device, device.activations(), x);
      const Placed factors(device, type, weight);
      const Placed placed_d_out(device, device.activations(), d_out, 5);
      const Placed sum(device, device.activations(), start);
      device.rms_norm_back(placed_x.view(), factors.view(), 1e-5f, placed_d_out.view(), sum.view());
      const Numbers expected = reference::add(start, reference::rms_norm_back(x, weight, 1e-5, d_out));
      check_close(sum, expected, tolerance, sizes("rms_norm_back", {rows, cols}));
    }
  }
}

/// rope_back undoes rope, and is what the reference says.
inline void check_rope_back(ops::Device& device, double tolerance) {
  Random random(66);
  for (const std::int64_t head_dim : {2, 64, 80}) {
    const std::int64_t heads = random.integer(1, 3);
    const std::int64_t rows = random.integer(1, 20);
    Numbers cosines(50, head_dim / 2);
    Numbers sines(50, head_dim / 2);
    for (std::int64_t i = 0; i < cosines.size(); ++i) {
      const double angle = static_cast<double>(random.integer(0, 6000)) / 1000;
      cosines.data()[i] = std::cos(angle);
      sines.data()[i] = std::sin(angle);
    }
    Numbers x = random_numbers(random, rows, heads * head_dim);
    const std::vector<std::int32_t> at = random_ids(random, rows, 50);
    const Placed turned(device, device.activations(), x);
    const Placed placed_cosines(device, DType::F32, cosines, 0);
    const Placed placed_sines(device, DType::F32, sines, 0);
    device.rope_back(turned.view(), head_dim, at, placed_cosines.view(), placed_sines.view());
    const std::string what = sizes("rope_back", {rows, heads, head_dim});
    check_close(turned, reference::rope_back(x, head_dim, at, cosines, sines), tolerance, what);
    device.rope(turned.view(), head_dim, at, placed_cosines.view(), placed_sines.view());
    check_close(turned, x, 2 * tolerance, what + " and forward again");
  }
}

struct AttentionBackCase {
  ops::AttentionShape shape;
  std::vector<std::int64_t> lengths;  ///< of the sequences, packed
};

inline void check_attention_back_case(ops::Device& device, double tolerance, const AttentionBackCase& one) {
  Random random(67);
  std::vector<ops::SequenceRows> sequences;
  std::int64_t rows = 0;
  for (const std::int64_t length : one.lengths) {
    sequences.push_back({rows, length, 0, -1});
    rows += length;
  }
  const std::int64_t q_cols = one.shape.heads * one.shape.head_dim;
  const std::int64_t kv_cols = one.shape.kv_heads * one.shape.head_dim;
  Numbers q = random_numbers(random, rows, q_cols, 2);
  Numbers k = random_numbers(random, rows, kv_cols, 2);
  Numbers v = random_numbers(random, rows, kv_cols);
  Numbers d_out = random_numbers(random, rows, q_cols);
  const Placed placed_q(device, device.activations(), q);
  const Placed placed_k(device, device.activations(), k);
  const Placed placed_v(device, device.activations(), v);
  const Placed placed_d_out(device, device.activations(), d_out);
  const Placed out(device, device.activations(), rows, q_cols);
  const Placed d_q(device, device.activations(), rows, q_cols);
  const Placed d_k(device, device.activations(), rows, kv_cols);
  const Placed d_v(device, device.activations(), rows, kv_cols);
  device.attention(placed_q.view(), placed_k.view(), placed_v.view(), {}, sequences, one.shape, out.view());
  const auto run = [&] {
    device.attention_back(placed_q.view(), placed_k.view(), placed_v.view(), out.view(), placed_d_out.view(), sequences,
                          one.shape, d_q.view(), d_k.view(), d_v.view());
  };
  run();
  const reference::AttentionGradients expected = reference::attention_back(q, k, v, d_out, sequences, one.shape);
  const std::string what =
      sizes("attention_back", {rows, one.shape.heads, one.shape.kv_heads, one.shape.head_dim, one.shape.window});
  check_close(d_q, expected.q, tolerance, what + " d_q");
  check_close(d_k, expected.k, tolerance, what + " d_k");
  check_close(d_v, expected.v, tolerance, what + " d_v");
  const std::vector<Numbers> first = [&] {
    std::vector<Numbers> found;
    for (const Placed* gradient : {&d_q, &d_k, &d_v}) found.push_back(gradient->read());
    return found;
  }();
  run();
  CHECK(same_bits(d_q.read(), first[0]) && same_bits(d_k.read(), first[1]) && same_bits(d_v.read(), first[2]));
}

/// Grouped keys, windows, packed sequences of odd lengths, heads of every width that takes a path of its own.
inline void check_attention_back(ops::Device& device, double tolerance) {
  for (const AttentionBackCase& one : {AttentionBackCase{{4, 2, 16, 0}, {70, 1, 30}}, {{3, 1, 40, 9}, {5, 66}},
                                       {{2, 2, 64, 33}, {100}}, {{1, 1, 80, 2}, {18}}}) {
    check_attention_back_case(device, tolerance, one);
  }
}

inline void check_swiglu_back(ops::Device& device, double tolerance) {
  Random random(68);
  for (const std::int64_t cols : {1, 31, 400}) {
    const std::int64_t rows = random.integer(1, 20);
    Numbers gate = random_numbers(random, rows, cols, 6);
    Numbers up = random_numbers(random, rows, cols);
    Numbers d_out = random_numbers(random, rows, cols);
    const Placed placed_gate(device, device.activations(), gate);
    const Placed placed_up(device, device.activations(), up, 5);
    const Placed placed_d_out(device, device.activations(), d_out);
    const Placed d_gate(device, device.activations(), rows, cols, 1);
    const Placed d_up(device, device.activations(), rows, cols);
    const reference::SwigluGradients expected = reference::swiglu_back(gate, up, d_out);
    const std::string what = sizes("swiglu_back", {rows, cols});
    device.swiglu_back(placed_gate.view(), placed_up.view(), placed_d_out.view(), d_gate.view(), d_up.view());
    check_close(d_gate, expected.gate, tolerance, what + " d_gate");
    check_close(d_up, expected.up, tolerance, what + " d_up");
    device.swiglu_back(placed_gate.view(), placed_up.view(), placed_d_out.view(), placed_gate.view(), placed_up.view());
    CHECK(same_bits(placed_gate.read(), d_gate.read()) && same_bits(placed_up.read(), d_up.read()));
  }
}

}  // namespace amalgam::test
