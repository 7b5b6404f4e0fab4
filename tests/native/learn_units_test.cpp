// Units that learn: what is stored where, coefficients, gradients, factors, and the memory they take.
#include <string>
#include <vector>

#include "counting_device.h"
#include "learn_fixture.h"
#include "model/learn_groups.h"
#include "runner.h"

using namespace amalgam;
using core::DType;
using model::LearnUnits;
using model::Linear;
using test::Learners;

namespace {

struct Setting {
  Setting() : config(model::parse_config(test::learning_config("llama"))) {
    learners = test::mixed_learners(random, config, 0.4f);
    learners.add(random, config, {.rank = 2, .linears = {Linear::q}, .trains_a = true});
    // Every second entry of the first B of adapter 3.
    model::FactorValues& masked = learners.values[3][0];
    for (std::int64_t i = 0; i < masked.b.size(); ++i) masked.mask.push_back(static_cast<std::uint8_t>(i % 2));
  }

  model::Config config;
  test::Random random{4};
  Learners learners;
  test::CountingDevice device{ops::open_device("cpu", 1, test::never_cancelled)};
};

std::vector<double> numbers_of(const core::Matrix<float>& matrix) {
  return {matrix.data(), matrix.data() + matrix.size()};
}

}  // namespace

TEST("adapters that are frozen and without dropout share a group, any other one is alone") {
  Setting setting;
  setting.learners.add(setting.random, setting.config, {.rank = 1, .linears = {Linear::q}, .dropout = 0.1f});
  const auto groups = model::group_units(setting.config, setting.learners.adapters);
  const std::vector<model::UnitGroup>& q = groups[0];
  CHECK_EQ(q.size(), std::size_t{4});
  CHECK(q[0].is_shared);
  CHECK_EQ(q[0].rank, 3 + 1);
  CHECK_EQ(q[0].members.size(), std::size_t{2});
  CHECK_EQ(q[0].members[1].first, 3);
  CHECK_EQ(q[1].members[0].adapter, std::size_t{2});
  CHECK_EQ(q[2].members[0].adapter, std::size_t{4});
  CHECK_EQ(q[3].members[0].adapter, std::size_t{5});
  CHECK(!q[3].is_shared);
  CHECK_EQ(groups[static_cast<std::size_t>(Linear::k)].size(), std::size_t{2});

  const LearnUnits units = setting.learners.units(setting.device, setting.config);
  CHECK_EQ(units.groups(1, Linear::q).size(), std::size_t{4});
  CHECK_EQ(units.groups(1, Linear::q)[0].a.rows, 4);
  CHECK_EQ(units.groups(1, Linear::q)[1].dropout, 0.4f);
  CHECK(units.groups(1, Linear::q)[1].d_b.data != nullptr);
  CHECK(units.groups(1, Linear::q)[2].d_a.data != nullptr);
  CHECK(units.groups(1, Linear::q)[2].d_b.data == nullptr);
}

TEST("factors come back as they went in") {
  const Setting setting;
  test::CountingDevice device(ops::open_device("cpu", 1, test::never_cancelled));
  const LearnUnits units = setting.learners.units(device, setting.config);
  for (std::size_t a = 0; a < setting.learners.adapters.size(); ++a) {
    for (std::size_t m = 0; m < setting.learners.adapters[a].modules.size(); ++m) {
      const model::FactorValues& expected = setting.learners.values[a][m];
      const core::Matrix<float> factor_a = units.factor(a, m, false);
      const core::Matrix<float> factor_b = units.factor(a, m, true);
      CHECK_EQ(factor_a.rows(), expected.a.rows());
      CHECK_EQ(factor_b.rows(), expected.b.rows());
      CHECK(numbers_of(factor_a) == numbers_of(expected.a));
      CHECK(numbers_of(factor_b) == numbers_of(expected.b));
    }
  }
}

TEST("trained factors are told in order, with their masks") {
  Setting setting;
  const LearnUnits units = setting.learners.units(setting.device, setting.config);
  // 14 modules with both factors, 6 with B, 2 with A.
  CHECK_EQ(units.trained().size(), std::size_t{14 * 2 + 6 + 2});
  std::vector<std::vector<std::size_t>> order;
  for (const model::TrainedFactor& factor : units.trained()) {
    order.push_back({factor.adapter, factor.module, factor.is_b ? std::size_t{1} : 0});
    const model::FactorValues& expected = setting.learners.values[factor.adapter][factor.module];
    CHECK(model::read_numbers(setting.device, factor.values) == numbers_of(factor.is_b ? expected.b : expected.a));
    CHECK_EQ(factor.gradient.rows, factor.values.rows);
    CHECK_EQ(factor.gradient.cols, factor.values.cols);
    CHECK_EQ(factor.gradient.stride, factor.gradient.cols);
    CHECK(factor.copy.data == nullptr);  // the processor computes with the values themselves
    CHECK_EQ(factor.mask.data != nullptr, factor.adapter == 3 && factor.module == 0);
    if (factor.mask.data == nullptr) continue;
    std::vector<std::uint8_t> mask(expected.mask.size());
    setting.device.download(mask.data(), factor.mask.data, mask.size());
    CHECK(mask == expected.mask);
  }
  CHECK(std::ranges::is_sorted(order));
}

TEST("a factor that is changed is what the passes see and what is read back") {
  Setting setting;
  const LearnUnits units = setting.learners.units(setting.device, setting.config);
  const model::TrainedFactor& factor = units.trained()[1];
  CHECK(factor.is_b);
  std::vector<double> numbers = model::read_numbers(setting.device, factor.values);
  numbers[0] = 42;
  model::write_numbers(setting.device, factor.values, std::span<const double>(numbers));
  CHECK_EQ(units.factor(factor.adapter, factor.module, true)(0, 0), 42.0f);
  const LearnUnits::Group& group = units.groups(0, Linear::q)[1];
  CHECK(model::read_numbers(setting.device, group.b) == numbers);
}

TEST("coefficients are set per unit or for all of them, with the scaling") {
  Setting setting;
  LearnUnits units = setting.learners.units(setting.device, setting.config);
  const auto scales = [&] {
    ops::Array c = units.groups(0, Linear::q)[0].c;
    c.stride = c.cols;
    return model::read_numbers(setting.device, c);
  };
  units.begin_pass();
  CHECK(scales() == (std::vector<double>{0.5, 0.5, 0.5, 0.5}));
  const std::vector<double> each{1, -2, 3};
  const double one = 4;
  units.set_coefficients(0, 0, each);
  units.set_coefficients(1, 0, std::span(&one, 1));
  units.begin_pass();
  CHECK(scales() == (std::vector<double>{0.5, -1, 1.5, 2}));
  bool refused = false;
  try {
    units.set_coefficients(0, 0, std::span(each).first(2));
  } catch (const std::logic_error&) {
    refused = true;
  }
  CHECK(refused);
}

TEST("groups are zero when all their coefficients are, and idle when nothing is wanted of them") {
  for (const bool wants : {true, false}) {
    Setting setting;
    LearnUnits units = setting.learners.units(setting.device, setting.config, wants);
    const double none = 0;
    units.set_coefficients(0, 0, std::span(&none, 1));
    units.set_coefficients(2, 0, std::span(&none, 1));
    units.begin_pass();
    CHECK(!units.groups(0, Linear::q)[0].is_zero);  // adapter 1 is in it too
    CHECK(units.groups(0, Linear::q)[1].is_zero);
    CHECK_EQ(units.groups(0, Linear::q)[1].is_idle, !wants);
    units.set_coefficients(1, 0, std::span(&none, 1));
    units.begin_pass();
    CHECK(units.groups(0, Linear::q)[0].is_zero);
    CHECK_EQ(units.groups(0, Linear::q)[0].is_idle, !wants);
  }
}

TEST("gradients of coefficients hold the scaling, and become zero when asked to") {
  Setting setting;
  LearnUnits units = setting.learners.units(setting.device, setting.config);
  const std::vector<double> numbers{1, 2, 3, 4};
  ops::Array d_c = units.groups(0, Linear::q)[0].d_c;
  d_c.stride = d_c.cols;
  model::write_numbers(setting.device, d_c, std::span<const double>(numbers));
  CHECK(units.coefficient_gradients(0, 0) == (std::vector<double>{0.5, 1, 1.5}));
  CHECK(units.coefficient_gradients(1, 0) == (std::vector<double>{2}));
  units.zero_gradients();
  CHECK(units.coefficient_gradients(0, 0) == (std::vector<double>{0, 0, 0}));
}

TEST("memory is what was planned") {
  Setting setting;
  for (const bool wants : {true, false}) {
    const std::size_t before = setting.device.live_bytes();
    const LearnUnits units = setting.learners.units(setting.device, setting.config, wants);
    CHECK_EQ(setting.device.live_bytes() - before, units.bytes());
    CHECK(LearnUnits::planned_bytes(setting.device, setting.learners.adapters) >= units.bytes());
  }
  // Modules of a usual size, where the gaps between gradients no longer count.
  const model::Config config = model::parse_config(test::config_json("qwen3", {{"hidden_size", 512}}));
  Learners learners;
  learners.add(setting.random, config, {.rank = 16, .trains_a = true, .trains_b = true});
  learners.add(setting.random, config, {.rank = 16});
  const LearnUnits units = learners.units(setting.device, config);
  const auto planned = static_cast<double>(LearnUnits::planned_bytes(setting.device, learners.adapters));
  CHECK(planned >= static_cast<double>(units.bytes()));
  CHECK(planned <= 1.3 * static_cast<double>(units.bytes()));
}

TEST("an adapter of another base model is named") {
  Setting setting;
  const auto refused = [&](const model::LearnModule& module) {
    const std::vector<model::LearnAdapter> adapters{{.name = "strange", .modules = {module}}};
    const core::Error error =
        CHECK_ERROR("adapter-other-base",
                    LearnUnits(setting.device, setting.config, adapters, true, {}, test::never_cancelled));
    CHECK(std::string(error.what()).find("The adapter strange ") != std::string::npos);
    CHECK_EQ(error.tensor, module.name);
  };
  refused({"model.layers.2.self_attn.q_proj", 1, 12, 16, 1});
  refused({"model.layers.0.self_attn.q_proj", 1, 13, 16, 1});
  refused({"model.layers.0.self_attn.c_proj", 1, 12, 16, 1});
}

TEST("loading stops when it is asked to, and hands on what the source throws") {
  Setting setting;
  core::CancelToken cancel;
  cancel.request();
  CHECK_ERROR("cancelled", LearnUnits(setting.device, setting.config, setting.learners.adapters, true,
                                      setting.learners.source(), cancel));
  const model::FactorSource broken = [](std::size_t, std::size_t) -> model::FactorValues {
    throw core::Error("not-finite", "A number.");
  };
  CHECK_ERROR("not-finite", LearnUnits(setting.device, setting.config, setting.learners.adapters, true, broken,
                                       test::never_cancelled));
}
