// The gradients of attention and of the loss of tokens on the processor: against the references in double, and their
// bits for threads, instruction sets and batches.
#include <cmath>
#include <cstring>

#include "operator_checks.h"
#include "ops/cpu/cpu_device.h"
#include "reference_back.h"

using namespace amalgam;
using namespace amalgam::test;
using core::InstructionSet;
using ops::TokenObjective;
using ops::cpu::CpuDevice;

namespace {

const core::CancelToken never;
constexpr double tolerance = 1e-5;

std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets;
  for (const InstructionSet set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set <= core::best_instruction_set()) sets.push_back(set);
  }
  return sets;
}

/// The references' attention has caches: none here.
Numbers attended(const Numbers& q, const Numbers& k, const Numbers& v, std::span<const ops::SequenceRows> sequences,
                 const ops::AttentionShape& shape) {
  return reference::attention(q, k, v, {}, {}, 0, sequences, shape);
}

struct PackedCase {
  ops::AttentionShape shape;
  std::vector<std::int64_t> lengths;

  std::vector<ops::SequenceRows> sequences() const {
    std::vector<ops::SequenceRows> sequences;
    std::int64_t first = 0;
    for (const std::int64_t length : lengths) {
      sequences.push_back({first, length, 0, -1});
      first += length;
    }
    return sequences;
  }
};

/// Inputs on a device, and what attention_back makes of them.
struct AttentionBack {
  Numbers q, k, v, d_out;

  AttentionBack(Random& random, const ops::AttentionShape& shape, std::int64_t rows)
      : q(random_numbers(random, rows, shape.heads * shape.head_dim, 2)),
        k(random_numbers(random, rows, shape.kv_heads * shape.head_dim, 2)),
        v(random_numbers(random, rows, shape.kv_heads * shape.head_dim)),
        d_out(random_numbers(random, rows, shape.heads * shape.head_dim)) {}

  /// Rounds the inputs to F32. `first` and `count`: the rows that are handed over.
  reference::AttentionGradients run(ops::Device& device, std::span<const ops::SequenceRows> sequences,
                                    const ops::AttentionShape& shape, std::int64_t first, std::int64_t count) {
    const Placed placed_q(device, DType::F32, q, 1);
    const Placed placed_k(device, DType::F32, k, 2);
    const Placed placed_v(device, DType::F32, v, 3);
    const Placed placed_d_out(device, DType::F32, d_out, 4);
    const Placed out(device, DType::F32, count, q.cols(), 5);
    const Placed d_q(device, DType::F32, count, q.cols(), 6);
    const Placed d_k(device, DType::F32, count, k.cols(), 7);
    const Placed d_v(device, DType::F32, count, v.cols(), 0);
    const auto part = [&](const Placed& placed) { return placed.view().row_range(first, count); };
    device.attention(part(placed_q), part(placed_k), part(placed_v), {}, sequences, shape, out.view());
    device.attention_back(part(placed_q), part(placed_k), part(placed_v), out.view(), part(placed_d_out), sequences,
                          shape, d_q.view(), d_k.view(), d_v.view());
    CHECK(d_q.gaps_untouched() && d_k.gaps_untouched() && d_v.gaps_untouched());
    return {d_q.read(), d_k.read(), d_v.read()};
  }
};

bool all_same_bits(const reference::AttentionGradients& x, const reference::AttentionGradients& y) {
  return test::same_bits(x.q, y.q) && test::same_bits(x.k, y.k) && test::same_bits(x.v, y.v);
}

/// <x, y> over all elements.
double inner(const Numbers& x, const Numbers& y) {
  double sum = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) sum += x.data()[i] * y.data()[i];
  return sum;
}

/// x + step * direction
Numbers moved(const Numbers& x, double step, const Numbers& direction) {
  Numbers result = x.copy();
  for (std::int64_t i = 0; i < x.size(); ++i) result.data()[i] += step * direction.data()[i];
  return result;
}

struct LossResult {
  Numbers values;  ///< 1 x rows
  Numbers d_x;
};

LossResult run_loss(ops::Device& device, TokenObjective objective, Numbers& x, Numbers& w, DType stored,
                    std::span<const std::int32_t> targets, std::span<const float> weights) {
  const Placed placed_x(device, DType::F32, x, 5);
  const Placed placed_w(device, stored, w, 2);
  const Placed d_x(device, DType::F32, x.rows(), x.cols(), 1);
  LossResult result{Numbers(1, x.rows()), {}};
  std::fill_n(result.values.row(0), x.rows(), -7.0);
  const std::span<double> values(result.values.row(0), static_cast<std::size_t>(x.rows()));
  device.token_loss(objective, placed_x.view(), placed_w.view(), targets, weights, values, d_x.view());
  CHECK(d_x.gaps_untouched());
  result.d_x = d_x.read();

  std::vector<double> alone(values.size(), -7.0);
  device.token_loss(objective, placed_x.view(), placed_w.view(), targets, weights, alone, {});
  CHECK(std::memcmp(alone.data(), values.data(), values.size_bytes()) == 0);
  return result;
}

std::vector<float> random_weights(Random& random, std::int64_t rows) {
  std::vector<float> weights;
  for (std::int64_t t = 0; t < rows; ++t) weights.push_back(static_cast<float>(random.integer(-1, 2)) / 4);
  weights[0] = 0.5f;
  return weights;
}

constexpr TokenObjective objectives[] = {TokenObjective::cross_entropy, TokenObjective::entropy};

}  // namespace

TEST("attention's gradient: groups, windows, several sequences") {
  Random random(40);
  const PackedCase cases[] = {
      {{4, 2, 16, 0}, {37}},         {{3, 3, 64, 0}, {50, 1, 97}}, {{6, 1, 40, 5}, {48, 49}},
      {{2, 1, 7, 0}, {3, 200}},      {{4, 4, 128, 30}, {100}},     {{2, 1, 24, 300}, {800}},
      {{2, 2, 8, 0}, {391, 5, 430}}, {{2, 2, 12, 1}, {60}},
  };
  for (const PackedCase& one : cases) {
    const std::vector<ops::SequenceRows> sequences = one.sequences();
    const std::int64_t rows = sequences.back().first + sequences.back().rows;
    AttentionBack inputs(random, one.shape, rows);
    for (const InstructionSet set : instruction_sets()) {
      CpuDevice device(2, never, set);
      const reference::AttentionGradients actual = inputs.run(device, sequences, one.shape, 0, rows);
      const reference::AttentionGradients expected =
          reference::attention_back(inputs.q, inputs.k, inputs.v, inputs.d_out, sequences, one.shape);
      CHECK_NEAR(relative_error(actual.v, expected.v), 0, tolerance);
      if (one.shape.window == 1) continue;  // one key has no choice: the gradient of its score is 0
      CHECK_NEAR(relative_error(actual.q, expected.q), 0, tolerance);
      CHECK_NEAR(relative_error(actual.k, expected.k), 0, tolerance);
    }
  }
}

TEST("the reference of attention's gradient agrees with finite differences") {
  Random random(41);
  const PackedCase one{{4, 2, 6, 5}, {9, 4}};
  const std::vector<ops::SequenceRows> sequences = one.sequences();
  const AttentionBack at(random, one.shape, 13);
  const reference::AttentionGradients d =
      reference::attention_back(at.q, at.k, at.v, at.d_out, sequences, one.shape);
  constexpr double step = 1e-5;
  const Numbers to_q = random_numbers(random, 13, at.q.cols());
  const Numbers to_k = random_numbers(random, 13, at.k.cols());
  const Numbers to_v = random_numbers(random, 13, at.v.cols());
  const auto value = [&](double by) {
    return inner(at.d_out, attended(moved(at.q, by, to_q), moved(at.k, by, to_k), moved(at.v, by, to_v), sequences,
                                    one.shape));
  };
  const double slope = (value(step) - value(-step)) / (2 * step);
  const double expected = inner(d.q, to_q) + inner(d.k, to_k) + inner(d.v, to_v);
  CHECK_NEAR(slope, expected, 1e-6 * std::abs(expected));
}

TEST("attention's gradient has equal bits for threads, instruction sets and batches") {
  Random random(42);
  for (const std::int64_t window : {0, 50}) {
    const PackedCase one{{6, 2, 40, window}, {37, 460}};
    AttentionBack inputs(random, one.shape, 497);
    std::vector<InstructionSet> sets = instruction_sets();
    if (sets.size() > 1) sets.erase(sets.begin());  // without fused products the portable one rounds otherwise
    CpuDevice first(1, never, sets[0]);
    const reference::AttentionGradients expected = inputs.run(first, one.sequences(), one.shape, 0, 497);
    for (const InstructionSet set : sets) {
      for (const int threads : {1, 2, 3}) {
        CpuDevice device(threads, never, set);
        CHECK(all_same_bits(inputs.run(device, one.sequences(), one.shape, 0, 497), expected));
      }
    }
    const std::vector<ops::SequenceRows> alone{{0, 460, 0, -1}};
    const reference::AttentionGradients own = inputs.run(first, alone, one.shape, 37, 460);
    CHECK(std::memcmp(own.q.data(), expected.q.row(37), own.q.bytes()) == 0);
    CHECK(std::memcmp(own.k.data(), expected.k.row(37), own.k.bytes()) == 0);
    CHECK(std::memcmp(own.v.data(), expected.v.row(37), own.v.bytes()) == 0);
  }
}

TEST("attention's gradient takes no sequence with a past, and stops when it is cancelled") {
  core::CancelToken cancel;
  CpuDevice device(2, cancel);
  Random random(43);
  Numbers numbers = random_numbers(random, 40, 40);
  const Placed x(device, DType::F32, numbers);
  const auto call = [&](std::int64_t past) {
    const std::vector<ops::SequenceRows> sequences{{0, 40, past, past > 0 ? 0 : -1}};
    device.attention_back(x.view(), x.view(), x.view(), x.view(), x.view(), sequences, {2, 2, 20, 0}, x.view(),
                          x.view(), x.view());
  };
  bool refused = false;
  try {
    call(1);
  } catch (const std::logic_error&) {
    refused = true;
  }
  CHECK(refused);
  cancel.request();
  CHECK_ERROR("cancelled", call(0));
}

TEST("the loss of tokens and its gradient with every stored type") {
  Random random(44);
  for (const InstructionSet set : instruction_sets()) {
    CpuDevice device(2, never, set);
    for (const DType type : {DType::F32, DType::BF16, DType::F16}) {
      for (const auto& [rows, hidden, vocabulary] : {std::tuple{1, 8, 5}, {9, 100, 1000}, {33, 64, 3001}}) {
        for (const TokenObjective objective : objectives) {
          Numbers x = random_numbers(random, rows, hidden);
          Numbers w = random_numbers(random, vocabulary, hidden, 3 / std::sqrt(static_cast<double>(hidden)));
          const std::vector<std::int32_t> targets = random_ids(random, rows, vocabulary);
          const std::vector<float> weights = random_weights(random, rows);
          const LossResult actual = run_loss(device, objective, x, w, type, targets, weights);
          const reference::TokenLoss expected = reference::token_loss(objective, x, w, targets, weights);
          CHECK_NEAR(relative_error(actual.d_x, expected.d_x), 0, tolerance);
          for (std::int64_t t = 0; t < rows; ++t) {
            const double value = expected.values[static_cast<std::size_t>(t)];
            CHECK_NEAR(actual.values(0, t), value, tolerance * std::max(1.0, value));
            if (weights[static_cast<std::size_t>(t)] != 0) continue;
            CHECK_EQ(actual.values(0, t), 0.0);
            for (std::int64_t j = 0; j < hidden; ++j) CHECK_EQ(actual.d_x(t, j), 0.0);
          }
        }
      }
    }
  }
}

TEST("the reference of the losses' gradient agrees with finite differences") {
  Random random(45);
  const Numbers x = random_numbers(random, 7, 12);
  const Numbers w = random_numbers(random, 30, 12);
  const Numbers direction = random_numbers(random, 7, 12);
  const std::vector<std::int32_t> targets = random_ids(random, 7, 30);
  const std::vector<float> weights = random_weights(random, 7);
  constexpr double step = 1e-5;
  for (const TokenObjective objective : objectives) {
    const auto value = [&](double by) {
      const reference::TokenLoss loss = reference::token_loss(objective, moved(x, by, direction), w, targets, weights);
      double sum = 0;
      for (std::size_t t = 0; t < 7; ++t) sum += static_cast<double>(weights[t]) * loss.values[t];
      return sum;
    };
    const double slope = (value(step) - value(-step)) / (2 * step);
    const double expected = inner(reference::token_loss(objective, x, w, targets, weights).d_x, direction);
    CHECK_NEAR(slope, expected, 1e-6 * std::abs(expected));
  }
}

TEST("the loss of tokens has equal bits for threads, and in every batch") {
  Random random(46);
  Numbers x = random_numbers(random, 70, 96);
  Numbers w = random_numbers(random, 900, 96);
  const std::vector<std::int32_t> targets = random_ids(random, 70, 900);
  const std::vector<float> weights = random_weights(random, 70);
  for (const TokenObjective objective : objectives) {
    CpuDevice first(1, never);
    const LossResult expected = run_loss(first, objective, x, w, DType::F32, targets, weights);
    for (const int threads : {2, 3}) {
      CpuDevice device(threads, never);
      const LossResult actual = run_loss(device, objective, x, w, DType::F32, targets, weights);
      CHECK(test::same_bits(actual.values, expected.values) && test::same_bits(actual.d_x, expected.d_x));
    }
    Numbers part(30, 96);
    std::copy_n(x.row(40), part.size(), part.data());
    const LossResult rest =
        run_loss(first, objective, part, w, DType::F32, std::span(targets).subspan(40), std::span(weights).subspan(40));
    CHECK(std::memcmp(rest.values.data(), expected.values.row(0) + 40, rest.values.bytes()) == 0);
    CHECK(std::memcmp(rest.d_x.data(), expected.d_x.row(40), rest.d_x.bytes()) == 0);
  }
}

TEST("a vocabulary whose logits do not fit at once is learned from in chunks") {
  Random random(47);
  const std::int64_t vocabulary = 600000;  // 27 rows of logits are 64 MB
  Numbers x = random_numbers(random, 60, 3);
  Numbers w = random_numbers(random, vocabulary, 3);
  const std::vector<std::int32_t> targets = random_ids(random, 60, vocabulary);
  const std::vector<float> weights(60, 1.0f);
  CpuDevice device(2, never);
  const LossResult actual = run_loss(device, TokenObjective::cross_entropy, x, w, DType::BF16, targets, weights);
  const reference::TokenLoss expected =
      reference::token_loss(TokenObjective::cross_entropy, x, w, targets, weights);
  CHECK_NEAR(relative_error(actual.d_x, expected.d_x), 0, tolerance);
  for (std::int64_t t = 0; t < 60; ++t) {
    CHECK_NEAR(actual.values(0, t), expected.values[static_cast<std::size_t>(t)], tolerance);
  }
}

TEST("a row with a logit that is not finite has no value and no gradient, and the others keep theirs") {
  Random random(48);
  Numbers x = random_numbers(random, 5, 20);
  Numbers w = random_numbers(random, 50, 20);
  const std::vector<std::int32_t> targets = random_ids(random, 5, 50);
  const std::vector<float> weights{1, 0, 1, 1, 0};
  CpuDevice device(2, never);
  for (const TokenObjective objective : objectives) {
    const LossResult clean = run_loss(device, objective, x, w, DType::F32, targets, weights);
    Numbers broken = x.copy();
    broken(2, 3) = NAN;
    broken(4, 3) = INFINITY;  // not judged
    const LossResult actual = run_loss(device, objective, broken, w, DType::F32, targets, weights);
    for (std::int64_t t = 0; t < 5; ++t) {
      CHECK_EQ(std::isnan(actual.values(0, t)), t == 2);
      for (std::int64_t j = 0; j < 20; ++j) {
        CHECK_EQ(std::isnan(actual.d_x(t, j)), t == 2);
        if (t != 2) CHECK_EQ(actual.d_x(t, j), clean.d_x(t, j));
      }
    }
  }
}

TEST("logits far apart give the values that they have") {
  Numbers x(2, 1);
  x(0, 0) = 1;
  x(1, 0) = 1;
  Numbers w(3, 1);
  w(0, 0) = 200;
  w(1, 0) = 0;
  w(2, 0) = -200;
  CpuDevice device(1, never);
  const std::vector<float> weights{1, 1};
  const LossResult loss =
      run_loss(device, TokenObjective::cross_entropy, x, w, DType::F32, std::vector<std::int32_t>{0, 2}, weights);
  CHECK_EQ(loss.values(0, 0), 0.0);
  CHECK_EQ(loss.values(0, 1), 400.0);
  CHECK_EQ(loss.d_x(0, 0), 0.0);
  CHECK_EQ(loss.d_x(1, 0), 400.0);
  const LossResult entropy = run_loss(device, TokenObjective::entropy, x, w, DType::F32, {}, weights);
  CHECK_EQ(entropy.values(0, 0), 0.0);
  CHECK_EQ(entropy.d_x(0, 0), 0.0);
}
