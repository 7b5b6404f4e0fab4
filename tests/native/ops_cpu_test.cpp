// The operators on the processor: against the references in double, and their bits for threads, instruction sets,
// batches and pasts.
#include <cmath>
#include <cstring>

#include "cpu_devices.h"
#include "operator_checks.h"
#include "ops/cpu/exponential.h"

using namespace amalgam;
using namespace amalgam::test;
using core::InstructionSet;
using ops::cpu::CpuDevice;

namespace {

constexpr double tolerance = 1e-6;

}  // namespace

TEST("exp is good to 1.5e-7 over its range, and exact at the edges") {
  double worst = 0;
  for (double x = -87.3; x <= 88.3; x += 0.000713) {
    const auto given = static_cast<float>(x);
    const double exact = std::exp(static_cast<double>(given));
    worst = std::max(worst, std::abs(static_cast<double>(ops::cpu::exponential(given)) - exact) / exact);
  }
  CHECK(worst < 1.5e-7);
  CHECK(worst > 0);
  CHECK_EQ(ops::cpu::exponential(0.0f), 1.0f);
  CHECK_EQ(ops::cpu::exponential(-87.4f), 0.0f);
  CHECK_EQ(ops::cpu::exponential(-INFINITY), 0.0f);
  CHECK_EQ(ops::cpu::exponential(88.4f), INFINITY);
  CHECK_EQ(ops::cpu::exponential(INFINITY), INFINITY);
  CHECK(std::isnan(ops::cpu::exponential(NAN)));
  CHECK(std::isnan(ops::cpu::exponential(-NAN)));
}

TEST("embedding") { on_all([](ops::Device& device) { check_embed(device); }); }
TEST("norms") {
  on_all([](ops::Device& device) { check_rms_norm(device, tolerance); });
}
TEST("linear layers with every stored type") {
  on_all([](ops::Device& device) { check_linear(device, tolerance); });
}
TEST("sums and biases") {
  on_all([](ops::Device& device) { check_sums(device, tolerance); });
}
TEST("rank units with sets of coefficients per row") {
  on_all([](ops::Device& device) { check_add_units(device, tolerance); });
}
TEST("rotary positions") {
  on_all([](ops::Device& device) { check_rope(device, tolerance); });
}
TEST("attention: groups, windows, pasts, decoding") {
  on_all([](ops::Device& device) { check_attention(device, 2 * tolerance); });
}
TEST("keys and values are kept after their past") {
  on_all([](ops::Device& device) { check_keep_keys(device); });
}
TEST("gated units") {
  on_all([](ops::Device& device) { check_swiglu(device, tolerance); });
}
TEST("choices of tokens") {
  on_all([](ops::Device& device) { check_token_choices(device, 1e-5); });
}
TEST("ties, and logits that are not finite") {
  on_all([](ops::Device& device) { check_token_choices_at_the_edges(device); });
}

TEST("results have equal bits for threads and instruction sets") {
  Random random(20);
  Numbers x = random_numbers(random, 150, 400);
  Numbers weight = random_numbers(random, 1, 400);
  Numbers w = random_numbers(random, 130, 400);
  Numbers a = random_numbers(random, 48, 400);
  Numbers b = random_numbers(random, 130, 48);
  Numbers c = random_numbers(random, 2, 48);
  const std::vector<std::int32_t> sets = random_ids(random, 150, 2);
  const auto filled = [](ops::Device& device, std::int64_t cols, auto run) {
    const Placed out(device, DType::F32, 150, cols);
    run(out.view());
    return out.read();
  };
  equal_everywhere("rms_norm", [&](ops::Device& device) {
    const Placed in(device, DType::F32, x);
    const Placed factors(device, DType::F32, weight);
    return filled(device, 400, [&](ops::Array out) { device.rms_norm(in.view(), factors.view(), 1e-6f, out); });
  });
  equal_everywhere("swiglu", [&](ops::Device& device) {
    const Placed in(device, DType::F32, x);
    return filled(device, 400, [&](ops::Array out) { device.swiglu(in.view(), in.view(), out); });
  });
  for (const DType type : {DType::F32, DType::BF16, DType::F16}) {
    equal_everywhere("linear and units", [&](ops::Device& device) {
      const Placed in(device, DType::F32, x);
      const Placed weights(device, type, w);
      const Placed placed_a(device, type, a);
      const Placed placed_b(device, type, b);
      const Placed placed_c(device, DType::F32, c);
      return filled(device, 130, [&](ops::Array out) {
        device.linear(in.view(), weights.view(), out, ops::Into::overwrite);
        device.add_units(in.view(), placed_a.view(), placed_b.view(), placed_c.view(), sets, out);
      });
    });
    equal_everywhere("token_choices", [&](ops::Device& device) {
      const Placed in(device, DType::F32, x);
      const Placed weights(device, type, w);
      Numbers both(2, 150);
      std::vector<std::int32_t> best(150);
      const std::vector<std::int32_t> targets(150, 17);
      device.token_choices(in.view(), weights.view(), targets, {both.row(0), 150}, best);
      std::copy(best.begin(), best.end(), both.row(1));
      return both;
    });
  }
}

TEST("a row of a product has the same bits in every batch") {
  Random random(21);
  for (const DType type : {DType::F32, DType::BF16, DType::F16}) {
    for (const std::int64_t out : {1, 7, 16, 32, 33, 100, 700}) {
      const std::int64_t in = 500;
      Numbers x = random_numbers(random, 30, in);
      Numbers w = random_numbers(random, out, in);
      Numbers a = random_numbers(random, 16, in);
      Numbers b = random_numbers(random, out, 16);
      Numbers c = random_numbers(random, 3, 16);
      const std::vector<std::int32_t> sets = random_ids(random, 30, 3);
      CpuDevice device(2, never);
      const Placed placed_x(device, DType::F32, x);
      const Placed placed_w(device, type, w);
      const Placed placed_a(device, type, a);
      const Placed placed_b(device, type, b);
      const Placed placed_c(device, DType::F32, c);
      const auto answers = [&](std::int64_t first, std::int64_t count) {
        const Placed result(device, DType::F32, count, out);
        const ops::Array rows = placed_x.view().row_range(first, count);
        device.linear(rows, placed_w.view(), result.view(), ops::Into::overwrite);
        device.add_units(rows, placed_a.view(), placed_b.view(), placed_c.view(),
                         std::span(sets).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count)),
                         result.view());
        return result.read();
      };
      const Numbers all = answers(0, 30);
      for (std::int64_t count = 1; count <= 16; ++count) {
        for (const std::int64_t first : {std::int64_t{0}, std::int64_t{3}, 30 - count}) {
          const Numbers part = answers(first, count);
          CHECK(std::memcmp(part.data(), all.row(first), part.bytes()) == 0);
        }
      }
    }
  }
}

TEST("a sequence's attention has the same bits alone, in a batch, and from the cache") {
  Random random(22);
  for (const std::int64_t window : {0, 50, 400}) {
    const ops::AttentionShape shape{6, 2, 40, window};
    const std::int64_t length = 460;
    const std::int64_t before = 37;  // rows of another sequence
    Numbers q = random_numbers(random, before + length, 240, 2);
    Numbers k = random_numbers(random, before + length, 80, 2);
    Numbers v = random_numbers(random, before + length, 80);
    for (const InstructionSet set : {InstructionSet::portable, core::best_instruction_set()}) {
      CpuDevice device(2, never, set);
      const Placed placed_q(device, DType::F32, q);
      const Placed placed_k(device, DType::F32, k);
      const Placed placed_v(device, DType::F32, v);
      const Placed keys(device, DType::F32, 2 * length, 80);
      const Placed values(device, DType::F32, 2 * length, 80);
      const ops::CacheLayer cache{keys.view(), values.view(), length};
      const auto rows_of = [&](std::int64_t first, std::int64_t count, std::vector<ops::SequenceRows> sequences) {
        const Placed out(device, DType::F32, count, 240);
        const auto part = [&](const Placed& placed) { return placed.view().row_range(first, count); };
        device.attention(part(placed_q), part(placed_k), part(placed_v), cache, sequences, shape, out.view());
        return out.read();
      };
      device.keep_keys(placed_k.view(), placed_v.view(), cache, std::vector<ops::SequenceRows>{{before, length, 0, 1}});
      const Numbers alone = rows_of(before, length, {{0, length, 0, -1}});
      const Numbers batch = rows_of(0, before + length, {{0, before, 0, -1}, {before, length, 0, -1}});
      CHECK(std::memcmp(alone.data(), batch.row(before), alone.bytes()) == 0);
      const std::vector<std::int64_t> pasts = test::sanitized ? std::vector<std::int64_t>{1, 384}
                                                              : std::vector<std::int64_t>{1, 16, 300, 383, 384, 385, 459};
      for (const std::int64_t past : pasts) {
        const Numbers rest = rows_of(before + past, length - past, {{0, length - past, past, 1}});
        CHECK(std::memcmp(rest.data(), alone.row(past), rest.bytes()) == 0);
        const Numbers step = rows_of(before + past, 1, {{0, 1, past, 1}});
        CHECK(std::memcmp(step.data(), alone.row(past), step.bytes()) == 0);
        const Numbers start = rows_of(before, past, {{0, past, 0, -1}});
        CHECK(std::memcmp(start.data(), alone.data(), start.bytes()) == 0);
      }
    }
  }
}

TEST("a vocabulary whose logits do not fit at once is taken in chunks") {
  Random random(23);
  const std::int64_t vocabulary = 600000;  // 27 rows of logits are 64 MB
  Numbers x = random_numbers(random, 60, 3);
  Numbers w = random_numbers(random, vocabulary, 3);
  CpuDevice device(2, never);
  const Placed placed_x(device, DType::F32, x);
  const Placed placed_w(device, DType::BF16, w);
  const std::vector<std::int32_t> targets = random_ids(random, 60, vocabulary);
  std::vector<double> log_probabilities(60);
  std::vector<std::int32_t> best(60);
  device.token_choices(placed_x.view(), placed_w.view(), targets, log_probabilities, best);
  const reference::Choices expected = reference::token_choices(x, w, targets);
  for (std::size_t t = 0; t < 60; ++t) CHECK_NEAR(log_probabilities[t], expected.log_probabilities[t], 1e-5);
  for (std::int64_t t = 0; t < 60; ++t) {
    std::int32_t alone = -7;
    device.token_choices(placed_x.view().row_range(t, 1), placed_w.view(), {}, {}, {&alone, 1});
    CHECK_EQ(alone, best[static_cast<std::size_t>(t)]);
  }
}

TEST("shapes and types that do not fit are a logic error") {
  CpuDevice device(1, never);
  Random random(24);
  Numbers numbers = random_numbers(random, 4, 6);
  const Placed x(device, DType::F32, numbers);
  const Placed half(device, DType::BF16, numbers);
  const Placed out(device, DType::F32, 4, 5);
  const auto refuses = [](auto call) {
    try {
      call();
    } catch (const std::logic_error&) {
      return true;
    }
    return false;
  };
  CHECK(refuses([&] { device.linear(x.view(), x.view(), out.view(), ops::Into::overwrite); }));
  CHECK(refuses([&] { device.add(x.view(), half.view()); }));
  CHECK(refuses([&] { device.add(x.view(), out.view()); }));
  CHECK(refuses([&] { device.embed(x.view(), std::vector<std::int32_t>{4}, x.view().row_range(0, 1)); }));
  CHECK(refuses([&] { device.embed(x.view(), std::vector<std::int32_t>{-1}, x.view().row_range(0, 1)); }));
  CHECK(refuses([&] { static_cast<void>(x.view().row_range(3, 2)); }));
  CHECK(refuses([&] { static_cast<void>(x.view().col_range(-1, 2)); }));
}

TEST("operators stop when the job is cancelled") {
  core::CancelToken cancel;
  CpuDevice device(2, cancel);
  Random random(25);
  Numbers numbers = random_numbers(random, 40, 40);
  const Placed x(device, DType::F32, numbers);
  const Placed out(device, DType::F32, 40, 40);
  cancel.request();
  CHECK_ERROR("cancelled", device.linear(x.view(), x.view(), out.view(), ops::Into::overwrite));
  CHECK_ERROR("cancelled", device.swiglu(x.view(), x.view(), out.view()));
  const std::vector<ops::SequenceRows> sequences{{0, 40, 0, -1}};
  CHECK_ERROR("cancelled",
              device.attention(x.view(), x.view(), x.view(), {}, sequences, {2, 2, 20, 0}, out.view()));
}
