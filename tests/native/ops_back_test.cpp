// The backward and learning operators on the processor: against the references in double, and their bits for threads,
// instruction sets and batches. Those of attention and of the losses: ops_back_attention_test.cpp.
#include <cmath>
#include <cstring>
#include <vector>

#include "backward_checks.h"
#include "cpu_devices.h"
#include "learning_checks.h"

using namespace amalgam;
using namespace amalgam::test;
using ops::Into;
using ops::cpu::CpuDevice;

namespace {

constexpr double tolerance = 1e-6;

/// What `run` writes to an array of F32 that begins as `start`.
template <typename Run>
Numbers written(ops::Device& device, const Numbers& start, Run run) {
  Numbers numbers = start.copy();
  const Placed out(device, DType::F32, numbers);
  run(out.view());
  CHECK(out.gaps_untouched());
  return out.read();
}

bool same_rows(const Numbers& part, const Numbers& all, std::int64_t first) {
  return std::memcmp(part.data(), all.row(first), part.bytes()) == 0;
}

}  // namespace

TEST("gradients of linear layers with every stored type") {
  on_all([](ops::Device& device) { check_linear_back(device, tolerance, tolerance); });
}
TEST("gradients of weights") {
  on_all([](ops::Device& device) { check_weight_back(device, tolerance); });
}
TEST("gradients of units with sets of coefficients per row") {
  on_all([](ops::Device& device) { check_unit_gradients(device, tolerance, tolerance); });
}
TEST("dropout") {
  on_all([](ops::Device& device) { check_dropout(device, tolerance); });
}
TEST("gradients of norms") {
  on_all([](ops::Device& device) { check_rms_norm_back(device, tolerance); });
}
TEST("gradients of rotary positions") {
  on_all([](ops::Device& device) { check_rope_back(device, tolerance); });
}
TEST("gradients of gated units") {
  on_all([](ops::Device& device) { check_swiglu_back(device, tolerance); });
}
TEST("squared norms") {
  on_all([](ops::Device& device) { check_squared_norm(device); });
}
TEST("steps of AdamW") {
  on_all([](ops::Device& device) { check_adamw(device, tolerance); });
}

TEST("skinny gradients of every shape") {
  Random random(90);
  for (const std::int64_t units : {1, 7, 8, 16, 24, 33, 64}) {
    const std::int64_t rows = random.integer(1, 500);
    const std::int64_t side = random.integer(1, 300);
    Numbers d_out = random_numbers(random, rows, side);
    Numbers u = random_numbers(random, rows, units);
    Numbers b = random_numbers(random, side, units);
    Numbers d_b = random_numbers(random, side, units);
    Numbers d_a = random_numbers(random, units, side);
    on_all([&](ops::Device& device) {
      const Placed placed_d_out(device, DType::F32, d_out);
      const Placed placed_u(device, DType::F32, u, 1);
      const Placed placed_b(device, DType::F32, b);
      const Placed d_u(device, DType::F32, rows, units);
      device.linear_back(placed_d_out.view(), placed_b.view(), d_u.view(), Into::overwrite);
      check_close(d_u, reference::linear_back(d_out, b), tolerance, sizes("d_u", {rows, side, units}));
      const Placed sum_b(device, DType::F32, d_b);
      device.weight_back(placed_d_out.view(), placed_u.view(), sum_b.view());
      const Numbers expected_b = reference::add(d_b, reference::weight_back(d_out, u));
      check_close(sum_b, expected_b, tolerance, sizes("d_b", {rows, side, units}));
      const Placed sum_a(device, DType::F32, d_a);
      device.weight_back(placed_u.view(), placed_d_out.view(), sum_a.view());
      const Numbers expected_a = reference::add(d_a, reference::weight_back(u, d_out));
      check_close(sum_a, expected_a, tolerance, sizes("d_a", {rows, side, units}));
    });
  }
}

TEST("results have equal bits for threads and instruction sets") {
  Random random(91);
  const std::int64_t rows = 450;
  Numbers x = random_numbers(random, rows, 200);
  Numbers y = random_numbers(random, rows, 200);
  Numbers g = random_numbers(random, rows, 200);
  Numbers u = random_numbers(random, rows, 24);
  Numbers w = random_numbers(random, 200, 130);
  Numbers b = random_numbers(random, 200, 24);
  Numbers factors = random_numbers(random, 1, 200);
  const Numbers start = random_numbers(random, rows, 200);
  const std::vector<std::int32_t> sets = random_ids(random, rows, 3);
  const auto put = [&](ops::Device& device, Numbers& numbers) { return Placed(device, DType::F32, numbers); };
  for (const DType type : {DType::F32, DType::BF16, DType::F16}) {
    equal_everywhere("linear_back", [&](ops::Device& device) {
      const Placed weights(device, type, w);
      return written(device, Numbers(rows, 130), [&](ops::Array out) {
        device.linear_back(put(device, g).view(), weights.view(), out, Into::overwrite);
      });
    });
  }
  equal_everywhere("linear_back of units", [&](ops::Device& device) {
    return written(device, Numbers(rows, 24), [&](ops::Array out) {
      device.linear_back(put(device, g).view(), put(device, b).view(), out, Into::accumulate);
    });
  });
  equal_everywhere("weight_back of A", [&](ops::Device& device) {
    return written(device, Numbers(24, 200), [&](ops::Array out) {
      device.weight_back(put(device, u).view(), put(device, x).view(), out);
    });
  });
  equal_everywhere("weight_back of B", [&](ops::Device& device) {
    return written(device, b, [&](ops::Array out) {
      device.weight_back(put(device, g).view(), put(device, u).view(), out);
    });
  });
  equal_everywhere("unit_back", [&](ops::Device& device) {
    return written(device, Numbers(3, 200), [&](ops::Array out) {
      device.unit_back(put(device, x).view(), put(device, y).view(), sets, out);
    });
  });
  equal_everywhere("dropout", [&](ops::Device& device) {
    return written(device, start,
                   [&](ops::Array out) { device.dropout(put(device, x).view(), 0.3f, 5, out, Into::accumulate); });
  });
  equal_everywhere("rms_norm_back", [&](ops::Device& device) {
    return written(device, start, [&](ops::Array out) {
      device.rms_norm_back(put(device, x).view(), put(device, factors).view(), 1e-6f, put(device, g).view(), out);
    });
  });
  equal_everywhere("swiglu_back", [&](ops::Device& device) {
    const Placed d_up(device, DType::F32, rows, 200);
    const Numbers d_gate = written(device, start, [&](ops::Array out) {
      device.swiglu_back(put(device, x).view(), put(device, y).view(), put(device, g).view(), out, d_up.view());
    });
    return reference::add(d_gate, d_up.read());
  });
  equal_everywhere("squared_norm", [&](ops::Device& device) {
    Numbers sum(1, 1);
    sum(0, 0) = device.squared_norm(put(device, x).view(), {});
    return sum;
  });
  equal_everywhere("adamw", [&](ops::Device& device) {
    Numbers zeros(rows, 200);
    const Placed m = put(device, zeros);
    const Placed v = put(device, zeros);
    return written(device, x, [&](ops::Array out) {
      device.adamw(out, put(device, g).view(), m.view(), v.view(), {}, {.t = 3, .rate = 0.01, .weight_decay = 0.1}, {});
    });
  });
}

TEST("a row's gradient has the same bits in every batch") {
  Random random(92);
  CpuDevice device(2, never);
  const std::int64_t rows = 40;
  Numbers g = random_numbers(random, rows, 70);
  Numbers x = random_numbers(random, rows, 70);
  Numbers factors = random_numbers(random, 1, 70);
  Numbers start = random_numbers(random, rows, 70);
  const Placed placed_g(device, DType::F32, g);
  const Placed placed_x(device, DType::F32, x);
  const Placed placed_factors(device, DType::F32, factors);
  for (const std::int64_t in : {5, 16, 33, 200}) {
    Numbers w = random_numbers(random, 70, in);
    const Placed weights(device, DType::BF16, w);
    const auto answers = [&](std::int64_t first, std::int64_t count) {
      const Placed d_x(device, DType::F32, count, in);
      device.linear_back(placed_g.view().row_range(first, count), weights.view(), d_x.view(), Into::overwrite);
      return d_x.read();
    };
    const Numbers all = answers(0, rows);
    for (const std::int64_t count : {1, 3, 16, 25}) CHECK(same_rows(answers(11, count), all, 11));
  }
  const auto norms = [&](std::int64_t first, std::int64_t count) {
    const Placed sum(device, DType::F32, start);
    const ops::Array part = sum.view().row_range(first, count);
    device.rms_norm_back(placed_x.view().row_range(first, count), placed_factors.view(), 1e-6f,
                         placed_g.view().row_range(first, count), part);
    return sum.read();
  };
  const Numbers all = norms(0, rows);
  const Numbers part = norms(7, 9);
  CHECK(std::memcmp(part.row(7), all.row(7), 9 * 70 * sizeof(double)) == 0);
  CHECK(std::memcmp(part.row(0), start.row(0), 7 * 70 * sizeof(double)) == 0);
}

TEST("dropout keeps its share, with the mean of what came, and other elements for other keys and rows") {
  CpuDevice device(2, never);
  const std::int64_t rows = 300;
  const std::int64_t cols = 1001;
  Numbers ones(rows, cols);
  std::fill_n(ones.data(), ones.size(), 1.0);
  const Placed x(device, DType::F32, ones);
  const auto dropped = [&](float rate, std::uint64_t key) {
    const Placed out(device, DType::F32, rows, cols);
    device.dropout(x.view(), rate, key, out.view(), Into::overwrite);
    return out.read();
  };
  for (const float rate : {0.1f, 0.5f, 0.9f}) {
    const Numbers out = dropped(rate, 1234567890123u);
    double sum = 0;
    double zeros = 0;
    for (std::int64_t i = 0; i < out.size(); ++i) {
      CHECK(out.data()[i] == 0 || std::abs(out.data()[i] * (1.0 - double{rate}) - 1) < 1e-6);
      sum += out.data()[i];
      zeros += out.data()[i] == 0 ? 1 : 0;
    }
    const auto count = static_cast<double>(out.size());
    const double deviation = std::sqrt(double{rate} * (1 - double{rate}) / count);
    CHECK_NEAR(zeros / count, rate, 4 * deviation);
    CHECK_NEAR(sum / count, 1, 4 * deviation / (1 - double{rate}));
  }
  CHECK(same_bits(dropped(0, 9), ones));
  const Numbers first = dropped(0.5f, 9);
  for (const std::uint64_t other : {std::uint64_t{10}, std::uint64_t{9} << 32 | 9}) {
    const Numbers second = dropped(0.5f, other);
    double both = 0;
    for (std::int64_t i = 0; i < first.size(); ++i) both += first.data()[i] != 0 && second.data()[i] != 0 ? 1 : 0;
    CHECK_NEAR(both / static_cast<double>(first.size()), 0.25, 0.01);
  }
  CHECK(std::memcmp(first.row(0), first.row(1), static_cast<std::size_t>(cols) * sizeof(double)) != 0);
}

TEST("dropout leaves 0 where a number that is not finite is dropped") {
  CpuDevice device(1, never);
  Numbers x(1, 400);
  std::fill_n(x.data(), 400, static_cast<double>(NAN));
  const Placed placed(device, DType::F32, x);
  device.dropout(placed.view(), 0.5f, 3, placed.view(), Into::overwrite);
  const Numbers out = placed.read();
  const auto zeros = std::count(out.data(), out.data() + 400, 0.0);
  const auto bad = std::count_if(out.data(), out.data() + 400, [](double number) { return std::isnan(number); });
  CHECK(zeros > 100 && bad > 100 && zeros + bad == 400);
}

TEST("squared norms: what is masked out may be anything, what is not spoils the sum") {
  Random random(93);
  CpuDevice device(2, never);
  Numbers g = random_numbers(random, 150, 133);
  Numbers mask(150, 133);
  std::fill_n(mask.data(), mask.size(), 1.0);
  mask(149, 132) = mask(0, 0) = 0;
  g(149, 132) = NAN;
  g(0, 0) = INFINITY;
  const Placed placed(device, DType::F32, g);
  const double expected = reference::squared_norm(g, mask);
  CHECK(std::isfinite(expected));
  CHECK_NEAR(device.squared_norm(placed.view(), PlacedMask(device, mask).view()), expected, 1e-12 * expected);
  CHECK(!std::isfinite(device.squared_norm(placed.view(), {})));
  mask(0, 0) = 1;
  CHECK(!std::isfinite(device.squared_norm(placed.view(), PlacedMask(device, mask).view())));
  Numbers largest(1, 2);
  largest(0, 0) = largest(0, 1) = 3e38;
  const Placed placed_largest(device, DType::F32, largest);
  CHECK_NEAR(device.squared_norm(placed_largest.view(), {}) / 1.8e77, 1, 1e-6);
}

TEST("AdamW over twenty steps, with copies in every type") {
  Random random(94);
  for (const DType type : {DType::F32, DType::BF16, DType::F16}) {
    CpuDevice device(2, never);
    Numbers p = random_numbers(random, 90, 201);
    Numbers m(90, 201);
    Numbers v(90, 201);
    Numbers mask = random_mask(random, 90, 201);
    const Placed placed_p(device, DType::F32, p);
    const Placed placed_m(device, DType::F32, m);
    const Placed placed_v(device, DType::F32, v);
    const Placed copy(device, type, 90, 201);
    const PlacedMask placed_mask(device, mask);
    const Numbers before = p.copy();
    for (std::int64_t t = 1; t <= 20; ++t) {
      Numbers g = random_numbers(random, 90, 201, t < 10 ? 1e-3 : 10);
      for (std::int64_t i = 0; i < g.size(); ++i) g.data()[i] = mask.data()[i] == 0 ? NAN : g.data()[i];
      const Placed placed_g(device, DType::F32, g);
      const ops::AdamwStep step{t, 0.02 / static_cast<double>(t), 0.9, 0.99, 1e-6, 0.05, 0.5};
      device.adamw(placed_p.view(), placed_g.view(), placed_m.view(), placed_v.view(), placed_mask.view(), step,
                   copy.view());
      reference::adamw(p, g, m, v, mask, step);
    }
    check_close(placed_p, p, tolerance, "p");
    check_close(placed_m, m, tolerance, "m");
    check_close(placed_v, v, 1e-5, "v");  // 0.99^19 of a number rounded 19 times
    Numbers rounded = placed_p.read();
    for (std::int64_t i = 0; i < p.size(); ++i) {
      if (mask.data()[i] == 0) CHECK(rounded.data()[i] == before.data()[i] && m.data()[i] == 0);
    }
    const Placed as_copied(device, type, rounded);
    CHECK(same_bits(copy.read(), rounded));
    CHECK(copy.gaps_untouched());
  }
}

TEST("coefficients of units are scaled in place") {
  Random random(95);
  CpuDevice device(2, never);
  Numbers u = random_numbers(random, 300, 70);
  Numbers c = random_numbers(random, 4, 70);
  const std::vector<std::int32_t> sets = random_ids(random, 300, 4);
  const Placed placed(device, DType::F32, u);
  const Placed placed_c(device, DType::F32, c);
  const Placed out(device, DType::F32, 300, 70);
  device.scale_units(placed.view(), placed_c.view(), sets, out.view());
  device.scale_units(placed.view(), placed_c.view(), sets, placed.view());
  CHECK(same_bits(placed.read(), out.read()));
  CHECK(placed.gaps_untouched());
}

TEST("gradients of gated units far from 0") {
  CpuDevice device(1, never);
  Numbers gate(1, 5);
  Numbers ones(1, 5);
  std::fill_n(ones.data(), 5, 1.0);
  const double gates[5] = {-200, -30, 0, 30, 200};
  std::copy_n(gates, 5, gate.row(0));
  const Placed placed_gate(device, DType::F32, gate);
  const Placed placed_ones(device, DType::F32, ones);
  const Placed d_gate(device, DType::F32, 1, 5);
  const Placed d_up(device, DType::F32, 1, 5);
  device.swiglu_back(placed_gate.view(), placed_ones.view(), placed_ones.view(), d_gate.view(), d_up.view());
  const double slopes[5] = {0, 0, 0.5, 1, 1};
  const double values[5] = {0, 0, 0, 30, 200};
  for (std::int64_t j = 0; j < 5; ++j) {
    CHECK_NEAR(d_gate.read()(0, j), slopes[j], 1e-9);
    CHECK_NEAR(d_up.read()(0, j), values[j], 1e-9);
  }
}

TEST("shapes and types that do not fit are a logic error") {
  CpuDevice device(1, never);
  Random random(96);
  Numbers numbers = random_numbers(random, 4, 6);
  const Placed placed(device, DType::F32, numbers);
  const Placed other(device, DType::F32, 4, 5);
  const Placed half(device, DType::BF16, numbers);
  const ops::Array x = placed.view();
  const ops::Array narrow = other.view();
  const std::vector<std::int32_t> sets{0, 1, 2, 3};
  const auto refuses = [](auto call) {
    try {
      call();
    } catch (const std::logic_error&) {
      return true;
    }
    return false;
  };
  CHECK(refuses([&] { device.linear_back(x, x, x, Into::overwrite); }));
  CHECK(refuses([&] { device.weight_back(x, narrow, x); }));
  CHECK(refuses([&] { device.scale_units(x, narrow, sets, x); }));
  CHECK(refuses([&] { device.scale_units(x, x, std::vector<std::int32_t>{0, 1, 2, 4}, x); }));
  CHECK(refuses([&] { device.unit_back(x, x, std::vector<std::int32_t>{0, 1, 2, -1}, x); }));
  CHECK(refuses([&] { device.unit_back(x, x, std::vector<std::int32_t>{0, 1, 2}, x); }));
  CHECK(refuses([&] { device.dropout(x, 1.0f, 0, x, Into::overwrite); }));
  CHECK(refuses([&] { device.dropout(x, -0.1f, 0, x, Into::overwrite); }));
  CHECK(refuses([&] { device.dropout(half.view(), 0.1f, 0, x, Into::overwrite); }));
  CHECK(refuses([&] { device.rms_norm_back(x, x.row_range(0, 1), 1e-6f, x, x); }));
  CHECK(refuses([&] { device.rms_norm_back(x, narrow.row_range(0, 1), 1e-6f, half.view(), x); }));
  CHECK(refuses([&] { device.swiglu_back(x, x, narrow, x, x); }));
  CHECK(refuses([&] { static_cast<void>(device.squared_norm(x, x)); }));
  CHECK(refuses([&] { static_cast<void>(device.squared_norm(half.view(), {})); }));
  CHECK(refuses([&] { device.adamw(x, x, x, narrow, {}, {}, {}); }));
  CHECK(refuses([&] { device.adamw(x, x, x, x, {}, {}, narrow); }));
}

TEST("backward operators stop when the job is cancelled") {
  core::CancelToken cancel;
  CpuDevice device(2, cancel);
  Random random(97);
  Numbers numbers = random_numbers(random, 40, 40);
  const Placed x(device, DType::F32, numbers);
  const Placed out(device, DType::F32, 40, 40);
  cancel.request();
  CHECK_ERROR("cancelled", device.linear_back(x.view(), x.view(), out.view(), Into::overwrite));
  CHECK_ERROR("cancelled", device.weight_back(x.view(), x.view(), out.view()));
  CHECK_ERROR("cancelled", device.dropout(x.view(), 0.5f, 1, out.view(), Into::overwrite));
  CHECK_ERROR("cancelled", device.squared_norm(x.view(), {}));
}
